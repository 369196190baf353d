"""Detectors against annotated recordings."""
