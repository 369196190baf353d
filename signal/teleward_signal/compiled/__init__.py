"""Compiled kernels and the folder that keeps them."""
