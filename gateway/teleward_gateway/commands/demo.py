"""``teleward demo``: a simulated ward, the gateway and the dashboard, with one command."""

import argparse
import asyncio
from pathlib import Path

from teleward_gateway.demo.show import DemoError, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--patients", type=int, default=8, help="1 to 64 (8); with --case or --class also 0"
    )
    parser.add_argument(
        "--case", help="also open a teaching room on this case (see `teleward cases list`)"
    )
    parser.add_argument(
        "--class", dest="lesson", metavar="LESSON",
        help="open a class on a lesson, such as breathless; see /teach for all",
    )  # fmt: skip
    parser.add_argument(
        "--lan", action="store_true", help="open the class to phones of this network"
    )
    parser.add_argument("--held", action="store_true", help="leave the case to be started by you")
    parser.add_argument("--seed", type=int, default=1, help="seed of the patients (1)")
    parser.add_argument("--port", type=int, default=8080, help="port of the dashboard (8080)")
    parser.add_argument(
        "--headless", action="store_true", help="do not print the addresses; for scripts"
    )
    parser.add_argument("--seconds", type=float, help="stop by itself after so long")
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="where data and logs go (.demo)"
    )
    parser.add_argument(
        "--settings", type=Path, help="further gateway settings (TOML tables such as [mqtt])"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; 0 after an orderly stop, 1 with one clear line otherwise."""
    try:
        return asyncio.run(show(arguments))
    except DemoError as error:
        print(f"teleward demo: {error}")
        return 1
