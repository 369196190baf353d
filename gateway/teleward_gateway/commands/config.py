"""``teleward config check FILE`` and ``teleward config schema``."""

import argparse
import json
import sys
from pathlib import Path

from teleward_gateway.settings.load import SettingsError, load
from teleward_gateway.settings.model import Settings
from teleward_gateway.settings.rates import rate_problems


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="name file, line and key of every mistake")
    check.add_argument("file", type=Path)
    actions.add_parser("schema", help="print the JSON Schema of the settings file")


def run(arguments: argparse.Namespace) -> int:
    """Check a file, or print the schema."""
    if arguments.action == "schema":
        print(json.dumps(Settings.model_json_schema(), indent=2))
        return 0
    try:
        settings = load(arguments.file)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    problems = rate_problems(settings)
    for problem in problems:
        print(f"{arguments.file}: {problem}", file=sys.stderr)
    if problems:
        return 1
    counts = f"{len(settings.subjects)} subjects, {len(settings.devices)} devices"
    print(f"{arguments.file}: correct ({settings.gateway.mode.value}, {counts})")
    return 0
