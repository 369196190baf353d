"""Rhythms by their P and QRS events, and what changes one into another."""
