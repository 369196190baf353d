"""Numba loops over plain arrays: state in, state out, no allocation per sample."""
