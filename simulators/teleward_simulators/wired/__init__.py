"""Simulated serial devices on pseudo-terminals, one file a kind."""
