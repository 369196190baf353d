"""Simple seeded patients: a rhythm, a trend for each vital sign, and waves from the same beats."""
