"""``teleward export``: records of one subject as files that other tools read.

    teleward export --subject bed-1 --format csv --out bed-1
    teleward export --subject bed-1 --format edf --from 2026-03-01 --to 2026-03-02 --out bed-1.zip

Reads the journal's file, whether the gateway runs or not, at low priority. OUT appears when it is
whole; it is a zip when it ends in .zip and a folder else.
"""

import argparse
import contextlib
import errno
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import teleward_gateway
from teleward_cloud.exports.formats import FORMATS
from teleward_cloud.exports.times import parse_ns
from teleward_gateway.exporting.export import Order, Outcome, Source, export
from teleward_gateway.settings.gateway_name import with_name
from teleward_gateway.settings.load import SettingsError, load
from teleward_gateway.settings.model import Settings
from teleward_signal.errors import TelewardError

DONE, REFUSED, DAMAGED, DISK_FULL = 0, 1, 3, 4
NICENESS = 15
"""The gateway goes before: its values are a second old at most."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
EPILOG = """exit codes:
  0  done
  1  refused: the message names why and the remedy; nothing is written
  2  the command line is not understood
  3  done, but damaged rows of the journal are missing: they are gaps, counted in export.json
  4  the disk is full; nothing is left of the export
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    formats = "\n".join(f"  {each.name:<14} {each.summary}" for each in FORMATS.values())
    parser.epilog = f"formats:\n{formats}\n\n{EPILOG}"
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    parser.add_argument("--subject", required=True, help="id of the person")
    parser.add_argument("--format", required=True, choices=list(FORMATS), metavar="FORMAT")
    parser.add_argument("--from", dest="start", help="begin, UTC or with a zone; all when left out")
    parser.add_argument("--to", dest="end", help="end, not included; all when left out")
    parser.add_argument("--out", type=Path, required=True, help="folder, or file that ends in .zip")
    parser.add_argument("--no-waves", action="store_true", help="leave waveforms out")
    parser.add_argument(
        "--research", action="store_true",
        help="pseudonyms, shifted dates, no texts; needs consent where people are real",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="print errors alone")


def run(arguments: argparse.Namespace) -> int:
    """Export; returns 0, 1, 3 or 4, see the help."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    try:
        settings = with_name(load(arguments.config))
        order = Order(
            arguments.format,
            arguments.subject,
            arguments.out,
            None if arguments.start is None else parse_ns(arguments.start),
            None if arguments.end is None else parse_ns(arguments.end),
            not arguments.no_waves,
            arguments.research,
        )
        outcome = export(source_of(settings), order, _Shown(arguments.quiet).show)
    except SettingsError as error:
        print(f"teleward export: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        return _disk(error, arguments.out)
    except (TelewardError, sqlite3.Error) as error:
        print(f"teleward export: {error}", file=sys.stderr)
        return REFUSED
    return _report(outcome, arguments.out, arguments.quiet)


def source_of(settings: Settings) -> Source:
    """Return the records of the gateway with these settings."""
    gateway = settings.gateway
    return Source(
        gateway.data_folder / gateway.mode.value,
        gateway.mode,
        gateway.name,
        "Ward",
        teleward_gateway.__version__,
    )


class _Shown:
    """Progress on standard error: one line on a terminal, a line each tenth elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._last = quiet, -1
        self._is_terminal = sys.stderr.isatty()

    def show(self, share: float) -> None:
        """Show how much is done."""
        percent = int(100 * share)
        step = 1 if self._is_terminal else 10
        if self._quiet or percent // step == self._last:
            return
        self._last = percent // step
        end = "\r" if self._is_terminal else "\n"
        print(f"{percent:3d} %", end=end, file=sys.stderr, flush=True)


def _disk(error: OSError, out: Path) -> int:
    if error.errno in _FULL:
        print(
            f"teleward export: the disk is full; nothing is left of {out}: make room, or choose"
            " another --out",
            file=sys.stderr,
        )
        return DISK_FULL
    name = error.filename or out
    print(f"teleward export: {name}: {error.strerror or error}", file=sys.stderr)
    return REFUSED


def _report(outcome: Outcome, out: Path, quiet: bool) -> int:
    damage = outcome.damage
    if not quiet:
        counts = ", ".join(f"{n} {kind}s" for kind, n in sorted(outcome.counts.items()))
        begin, end = _shown(outcome.start_ns), _shown(outcome.end_ns)
        print(f"{out}: {counts}, {begin} to {end} UTC")
        for reason, n in sorted(outcome.left_out.items()):
            print(f"left out: {n}, {reason}")
    if damage.rows:
        print(
            f"teleward export: {damage.rows} damaged rows of the journal with up to"
            f" {damage.records} records of all subjects are missing; export.json names the minutes",
            file=sys.stderr,
        )
        return DAMAGED
    return DONE


def _shown(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
