"""Benchmarks, one module each: ``add_arguments(parser)``, ``measure(arguments) -> dict``, ``table(result) -> str``."""
