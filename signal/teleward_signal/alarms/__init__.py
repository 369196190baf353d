"""Alarm limits, conditions and the board that holds them."""
