"""Vital-sign signal processing on a stream: pure functions of arrays and time, no I/O."""
