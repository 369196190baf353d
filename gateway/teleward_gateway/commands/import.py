"""``teleward import``: a recording as the history of a new subject.

    teleward import bed-1 --subject replayed              a folder that `teleward export` wrote
    teleward import 100.hea --subject mit-100 --at 2026-03-01T08:00:00Z
    teleward import night.edf --subject night

The gateway must not run meanwhile. As a live device instead: `teleward simulate replay`.
"""

import argparse
import sqlite3
import sys
from pathlib import Path

from teleward_cloud.exports.times import parse_ns
from teleward_gateway.importing.history import Recording, import_history
from teleward_gateway.registry.model import check_name
from teleward_gateway.settings.gateway_name import with_name
from teleward_gateway.settings.load import SettingsError, load
from teleward_signal.errors import TelewardError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", type=Path, help="folder of an export, .hea, .edf or .bdf file")
    parser.add_argument("--subject", required=True, help="id of the new subject")
    parser.add_argument("--at", help="begin of a file that states no date")
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    parser.add_argument("--quiet", action="store_true", help="print errors alone")


def run(arguments: argparse.Namespace) -> int:
    """Import; 0 when done, 1 with one line on standard error when not."""
    try:
        settings = with_name(load(arguments.config))
        check_name("subject", arguments.subject)
        gateway = settings.gateway
        folder = gateway.data_folder / gateway.mode.value
        folder.mkdir(parents=True, exist_ok=True)
        at_ns = None if arguments.at is None else parse_ns(arguments.at)
        recording = Recording(arguments.path, arguments.subject, at_ns)
        max_bytes = settings.journal.max_megabytes * 2**20
        counts = import_history(folder, gateway.mode, gateway.name, recording, max_bytes)
    except (SettingsError, TelewardError, OSError, sqlite3.Error) as error:
        print(f"teleward import: {error}", file=sys.stderr)
        return 1
    if not arguments.quiet:
        listed = ", ".join(f"{n} {kind}s" for kind, n in sorted(counts.items()))
        print(f"{arguments.subject}: {listed}")
    return 0
