"""``teleward drivers list``: every driver, how sure we are of it, and from what source."""

import argparse
import json
from typing import Any

from teleward_drivers.catalogue import catalogue
from teleward_drivers.device import DriverInfo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``list``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the device drivers")
    listing.add_argument("--json", action="store_true", help="print a JSON array")


def row(info: DriverInfo) -> dict[str, Any]:
    """Return what is shown of one driver."""
    return {
        "name": info.name,
        "status": str(info.verification),
        "title": info.title,
        "link": str(info.link),
        "source": info.source,
        "metrics": sorted(info.metrics),
        "options": info.options,
        "commands": sorted(info.commands),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as aligned text."""
    widths = {key: max(len(r[key]) for r in rows) for key in ("name", "link", "status", "title")}
    lines = [
        "  ".join([*(f"{r[key]:{width}}" for key, width in widths.items()), r["source"]])
        for r in rows
    ]
    return "\n".join(lines)


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    rows = [row(info) for info in catalogue().values()]
    print(json.dumps(rows, indent=2) if arguments.json else table(rows))
    return 0
