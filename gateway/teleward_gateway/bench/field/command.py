"""``teleward bench field``: inputs that public field reports describe, and what each gives now.

The inputs are made here after the reports (wrong clocks, meters that repeat their memory, pacing
without capture, brokers and databases that refuse, bytes beyond the standard). Each goes through
the driver, the registry, the signal engine or the sink that a running gateway has.
"""

import argparse
import asyncio
import textwrap
from dataclasses import asdict
from typing import Any

from teleward_gateway.bench.field import readings, servers, values, waves
from teleward_gateway.bench.field.row import Row

_STATES = {True: "right", False: "WRONG", None: "not run"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: there are none of its own."""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every row."""
    found: list[Row] = [*waves.rows(), *values.rows()]
    found += asyncio.run(readings.rows())
    found += asyncio.run(servers.rows())
    return {"rows": [asdict(row) for row in sorted(found, key=lambda row: row.number)]}


def table(result: dict[str, Any]) -> str:
    """Return each row: what was sent, what came of it, what is right."""
    lines = []
    for row in result["rows"]:
        lines.append(f"{row['number']:2d} {_STATES[row['holds']]:<8}{row['sent']}")
        for name in ("got", "right"):
            indent = " " * 18
            text = textwrap.fill(f"{name + ':':<7}{row[name]}", 96, subsequent_indent=indent)
            lines.append(" " * 11 + text)
    wrong = sum(row["holds"] is False for row in result["rows"])
    run = sum(row["holds"] is not None for row in result["rows"])
    return "\n".join([*lines, f"{run} of {len(result['rows'])} rows run, {wrong} wrong"])
