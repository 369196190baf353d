"""``teleward config check FILE``, ``teleward config schema`` and ``teleward config example``."""

import argparse
import json
import sys
from pathlib import Path

from teleward_gateway.settings.example import example
from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="name file, line and key of every mistake")
    check.add_argument("file", type=Path)
    actions.add_parser("schema", help="print the JSON Schema of the settings file")
    actions.add_parser("example", help="print a settings file with every setting, commented")


def run(arguments: argparse.Namespace) -> int:
    """Check a file, or print the schema or the example; 1 when the file has a mistake."""
    if arguments.action == "schema":
        print(json.dumps(Settings.model_json_schema(), indent=2))
        return 0
    if arguments.action == "example":
        print(example(), end="")
        return 0
    try:
        found = read(arguments.file)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    for note in found.notes:
        print(f"{arguments.file}: {note}")
    for mistake in (*found.mistakes, *found.warnings):
        print(mistake, file=sys.stderr)
    settings = found.settings
    counts = f"{len(settings.subjects)} subjects, {len(settings.devices)} devices"
    if found.mistakes:
        print(f"{arguments.file}: what can be used as it is: {counts}", file=sys.stderr)
    if found.mistakes or found.warnings:
        return 1
    print(f"{arguments.file}: correct ({settings.gateway.mode.value}, {counts})")
    return 0
