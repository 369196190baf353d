"""``teleward devices``: commission devices and bind them to subjects or beds.

Against the running gateway if there is one, so that changes take effect at once; else on the
registry's file, to be found at the next start.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from teleward_gateway.api.client import ApiClient, NoGateway, RequestRefused
from teleward_gateway.commands.registry_file import RegistryFile
from teleward_gateway.settings.load import SettingsError, read
from teleward_signal.errors import Invalid


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    parser.add_argument("--url", help="gateway to talk to, e.g. http://127.0.0.1:8080")
    parser.add_argument("--author", default=_user(), help="who does it, for the audit trail")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show devices, whom they feed and how they are")
    listing.add_argument("--json", action="store_true", help="as JSON")
    add = actions.add_parser("add", help="commission a device")
    add.add_argument("id", help="what to call it, e.g. strap-3")
    add.add_argument("driver", help="see: teleward drivers list")
    add.add_argument("address", help="Bluetooth address, port path or port URL")
    add.add_argument("--label", default="")
    add.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    _add_target(add, required=False)
    move = actions.add_parser("move", help="bind a device to another subject or bed")
    move.add_argument("id")
    _add_target(move, required=True)
    for name, text in (
        ("release", "unbind a device: it feeds nobody"),
        ("remove", "decommission a device; its history stays"),
        ("pair", "pair again with a device that lost its bond"),
    ):
        actions.add_parser(name, help=text).add_argument("id")
    swap = actions.add_parser("swap", help="replace a device by another")
    swap.add_argument("id")
    swap.add_argument("new")
    whose = actions.add_parser("whose", help="show whose reading a device made at a time")
    whose.add_argument("id")
    whose.add_argument("time", help="e.g. 2026-11-22T10:30:00Z")
    admit = actions.add_parser("admit", help="admit a subject")
    admit.add_argument("id")
    admit.add_argument("--label", default="")
    admit.add_argument("--bed")
    discharge = actions.add_parser("discharge", help="discharge a subject: its devices are free")
    discharge.add_argument("id")


def _add_target(parser: argparse.ArgumentParser, required: bool) -> None:
    target = parser.add_mutually_exclusive_group(required=required)
    target.add_argument("--subject", help="who wears it")
    target.add_argument("--bed", help="the bed it stays at, for any occupant")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out; 0 when done, 1 with one line on standard error when not."""
    desk: CommissioningDep | None = None
    try:
        desk = open_desk(arguments)
        ACTIONS[arguments.action](desk, arguments)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except (NoGateway, RequestRefused, ValueError, LookupError) as error:
        print(f"teleward devices: {error.args[0] if error.args else error}", file=sys.stderr)
        return 1
    finally:
        if isinstance(desk, RegistryFile):
            desk.close()
    return 0


def open_desk(arguments: argparse.Namespace) -> "CommissioningDep":
    """Return the running gateway, or its registry's file."""
    if arguments.url:
        return ApiClient(arguments.url)
    settings = read(arguments.config).settings
    client = ApiClient(f"http://{settings.api.host}:{settings.api.port}")
    return client if client.is_running() else RegistryFile(settings)


CommissioningDep = ApiClient | RegistryFile


def _list(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    rows = desk.get("/devices")
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    table = [("DEVICE", "DRIVER", "ADDRESS", "FEEDS", "STATE", "LAST SEEN")]
    for row in rows:
        session = row["session"] or {}
        state = session.get("state", "stopped" if row["binding"] else "unbound")
        reason = f" ({session['reason']})" if session.get("reason") else ""
        table.append(
            (
                row["id"],
                row["driver"],
                row["address"],
                feeds(row),
                state + reason,
                session.get("last_seen") or "-",
            )
        )
    print_table(table)


def feeds(row: dict[str, Any]) -> str:
    """Return whom a device feeds, for a table."""
    binding = row["binding"]
    if binding is None:
        return "-"
    if binding["bed"] is None:
        return str(binding["subject"])
    return f"bed {binding['bed']}: {row['feeds'] or 'empty'}"


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print columns as wide as they need to be."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        print(line.rstrip())


def _add(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    body = {
        "id": arguments.id,
        "driver": arguments.driver,
        "address": arguments.address,
        "label": arguments.label,
        "options": options(arguments.option),
        "subject": arguments.subject,
        "bed": arguments.bed,
        "author": arguments.author,
    }
    row = desk.send("POST", "/devices", body)
    print(f"{arguments.id}: {row['title']} at {row['address']}, feeds {feeds(row)}")


def options(words: list[str]) -> dict[str, Any]:
    """Return ``NAME=VALUE`` words as options; values are JSON where they can be, else text."""
    made: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise Invalid(f"--option {word!r}: write it as NAME=VALUE")
        try:
            made[name] = json.loads(text)
        except ValueError:
            made[name] = text
    return made


def _move(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    body = {
        "subject": arguments.subject,
        "bed": arguments.bed,
        "move": True,
        "author": arguments.author,
    }
    binding = desk.send("PUT", f"/devices/{arguments.id}/binding", body)
    target = binding["subject"] or f"bed {binding['bed']}"
    print(f"{arguments.id} feeds {target} since {binding['from']}")


def _release(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    desk.send("DELETE", f"/devices/{arguments.id}/binding", author=arguments.author)
    print(f"{arguments.id} feeds nobody")


def _remove(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    desk.send("DELETE", f"/devices/{arguments.id}", author=arguments.author)
    print(f"{arguments.id} removed; its history stays")


def _pair(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    desk.send("POST", f"/devices/{arguments.id}/pair", {"author": arguments.author})
    print(f"{arguments.id} pairs at its next connect")


def _swap(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    body = {"new": arguments.new, "author": arguments.author}
    binding = desk.send("POST", f"/devices/{arguments.id}/swap", body)
    target = binding["subject"] or f"bed {binding['bed']}"
    print(f"{arguments.new} feeds {target} in place of {arguments.id} since {binding['from']}")


def _whose(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    from datetime import UTC, datetime

    time = datetime.fromisoformat(arguments.time)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    time_ns = round(time.timestamp() * 1000) * 1_000_000
    row = desk.get("/bindings/whose", device=arguments.id, time_ns=time_ns)
    print(row["subject"] or "nobody")


def _admit(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    body = {
        "id": arguments.id,
        "label": arguments.label,
        "bed": arguments.bed,
        "author": arguments.author,
    }
    row = desk.send("POST", "/subjects", body)
    print(f"{row['id']} admitted" + (f" into bed {row['bed']}" if row["bed"] else ""))


def _discharge(desk: CommissioningDep, arguments: argparse.Namespace) -> None:
    desk.send("POST", f"/subjects/{arguments.id}/discharge", {"author": arguments.author})
    print(f"{arguments.id} discharged; the devices worn feed nobody")


ACTIONS: dict[str, Callable[[CommissioningDep, argparse.Namespace], None]] = {
    "list": _list,
    "add": _add,
    "move": _move,
    "release": _release,
    "remove": _remove,
    "pair": _pair,
    "swap": _swap,
    "whose": _whose,
    "admit": _admit,
    "discharge": _discharge,
}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"
