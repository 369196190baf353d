"""``teleward sinks``: where records can go, how delivery stands, and what servers refused.

list                     every sink and its section of the settings
status                   the deliveries of a running gateway
dead-letters, retry      list, export and send again what a server refused
"""

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any

from teleward_cloud.catalogue import catalogue
from teleward_gateway.api.client import ApiClient, NoGateway, RequestRefused

BUILT_IN = {
    "mqtt": ("MQTT broker", "mqtt"),
    "influx": ("InfluxDB 2 or VictoriaMetrics", "influx"),
    "alarms": ("alarms to a command or a signed webhook", "alarms"),
}
"""Title and section of the settings file of the sinks that come with Teleward."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    parser.add_argument(
        "--address", default="http://127.0.0.1:8080", help="where the gateway's API is"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="print every sink and its section of the settings")
    listing.add_argument("--json", action="store_true", help="print JSON")
    status = actions.add_parser("status", help="show backlog and problem of every delivery")
    status.add_argument("--json", action="store_true", help="print JSON")
    letters = actions.add_parser("dead-letters", help="show the records that a server refused")
    letters.add_argument("sink", help="name of the sink, see: teleward sinks status")
    letters.add_argument("--limit", type=int, default=100, help="at most so many, newest first")
    letters.add_argument("--json", action="store_true", help="print JSON")
    letters.add_argument(
        "--export", type=Path, metavar="FILE", help="write all, with their records, a line each"
    )
    retry = actions.add_parser("retry", help="send refused records again")
    retry.add_argument("sink", help="name of the sink, see: teleward sinks status")
    retry.add_argument(
        "--record", action="append", metavar="SEQ:PART", help="only this one; may be repeated"
    )
    retry.add_argument("--author", default=_user(), help="who does it, for the audit trail")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out; 0 when done, 1 with one line on standard error when not."""
    client = ApiClient(arguments.address)
    try:
        _ACTIONS[arguments.action](client, arguments)
    except (NoGateway, RequestRefused, ValueError, OSError) as error:
        print(f"teleward sinks: {error}", file=sys.stderr)
        return 1
    return 0


def _list(client: ApiClient, arguments: argparse.Namespace) -> None:
    rows = [
        {"name": name, "title": title, "section": section, "package": "teleward"}
        for name, (title, section) in BUILT_IN.items()
    ]
    rows += [
        {
            "name": info.name,
            "title": info.title,
            "section": f"sinks.{info.name}",
            "package": info.make.__module__,
        }
        for info in catalogue().values()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['name']:<16} [{row['section']}]  {row['title']}  ({row['package']})")


def _status(client: ApiClient, arguments: argparse.Namespace) -> None:
    sinks: dict[str, dict[str, Any]] = client.get("/sinks")
    if arguments.json:
        print(json.dumps(sinks, indent=1))
        return
    print(f"{'sink':20}{'backlog':>10}{'blocked':>10}{'dead letters':>14}{'delivered':>12}")
    for name, sink in sinks.items():
        figures = [
            sink.get(key, "")
            for key in (
                "backlog_records", "blocked_records", "dead_letters_total", "acknowledged_total"
            )
        ]  # fmt: skip
        print(f"{name:20}{figures[0]:>10}{figures[1]:>10}{figures[2]:>14}{figures[3]:>12}")
        if sink.get("error"):
            print(f"    {sink['error']}")


def _dead_letters(client: ApiClient, arguments: argparse.Namespace) -> None:
    path = f"/sinks/{arguments.sink}/dead-letters"
    if arguments.export is not None:
        count = 0
        with arguments.export.open("wb") as file:
            for line in client.lines(f"{path}/export"):
                file.write(line)
                count += 1
        print(f"{count} dead letters in {arguments.export}")
        return
    letters: list[dict[str, Any]] = client.get(path, limit=arguments.limit)
    if arguments.json:
        print(json.dumps(letters, indent=1))
        return
    for letter in letters:
        print(f"{letter['refused']}  {letter['seq']}:{letter['part']}  {letter['reason']}")
    if not letters:
        print(f"no dead letters of {arguments.sink}")


def _retry(client: ApiClient, arguments: argparse.Namespace) -> None:
    body: dict[str, Any] = {"author": arguments.author}
    if arguments.record:
        body["records"] = [_place(text) for text in arguments.record]
    answer = client.send("POST", f"/sinks/{arguments.sink}/retry", body)
    print(f"{answer['sent_again']} records are sent again")
    if answer["not_kept"]:
        print(f"{answer['not_kept']} are not in the journal any more: the disk budget was reached")


def _place(text: str) -> dict[str, int]:
    seq, _, part = text.partition(":")
    if not seq.isdecimal() or not (part or "0").isdecimal():
        raise ValueError(f"--record {text}: use SEQ:PART as `teleward sinks dead-letters` shows it")
    return {"seq": int(seq), "part": int(part or 0)}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


_ACTIONS = {"list": _list, "status": _status, "dead-letters": _dead_letters, "retry": _retry}
