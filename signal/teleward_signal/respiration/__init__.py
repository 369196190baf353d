"""Breathing, measured or derived from other signals."""
