"""Benchmarks, one module each.

A module has ``add_arguments(parser)``, ``measure(arguments) -> dict`` and ``table(result) -> str``.
"""
