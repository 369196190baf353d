"""``teleward room``: lead a running case from the command line.

instructor   export TELEWARD_OPERATOR_KEY=...             from the file that the start names
             teleward room open asthma-01                 prints the code and the key
             export TELEWARD_ROOM_KEY=...                 or --key with each command
             teleward room start ABC234
             teleward room send ABC234 act:oxygen:10L/min knob:bronch:0.8:60 rhythm:svt
learner      teleward room show ABC234
             teleward room ask ABC234 auscultate
             teleward room act ABC234 oxygen 10L/min
"""

import argparse
import json
import os
import sys
from typing import Any

from teleward_gateway.api.client import ApiClient, NoGateway, RequestRefused
from teleward_signal.errors import Invalid

OPEN_S = 300.0
"""The first room compiles the patient's kernels: half a minute, on a small machine minutes."""
KEY = "TELEWARD_ROOM_KEY"
"""Environment variable with the instructor's key."""
OPERATOR = "TELEWARD_OPERATOR_KEY"
"""Environment variable with the operator's key, which opens rooms."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done with a room."""
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the gateway")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    opening = verbs.add_parser("open", help="open a room on a case")
    opening.add_argument("case")
    opening.add_argument("--seed", type=int)
    opening.add_argument(
        "--operator-key", default=os.environ.get(OPERATOR, ""),
        help=f"from the file rooms/operator-key of the gateway; or the environment's {OPERATOR}",
    )  # fmt: skip
    opening.add_argument("--exam", action="store_true", help="no chance events: fair for all")
    for name, summary in (
        ("show", "what learners see"),
        ("truth", "the true state"),
        ("log", "every order so far"),
        ("start", "run the case, at its own speed"),
        ("pause", "pause the case; hearts go on beating"),
        ("close", "close the room"),
    ):
        _room(verbs.add_parser(name, help=summary))
    _add_learner(verbs)
    speed = verbs.add_parser("speed", help="how many times faster than life")
    _room(speed)
    speed.add_argument("speed", type=float)
    send = verbs.add_parser(
        "send",
        help="staged orders, carried out together: act:NAME[:DOSE] knob:NAME:TO[:SECONDS] "
        "rhythm:NAME fault:KIND:SENSOR[:SECONDS[:VALUE]] say:TEXT bookmark:TEXT end:RESULT",
    )
    _room(send)
    send.add_argument("orders", nargs="+")
    rewind = verbs.add_parser("rewind", help="go back to a bookmark or a second")
    _room(rewind)
    rewind.add_argument("to")


def _add_learner(verbs: Any) -> None:
    act = verbs.add_parser("act", help="order the worker to act")
    _room(act)
    act.add_argument("name", help="see `teleward room actions`")
    act.add_argument("dose", nargs="?", help="with its unit, as 0.5mg")
    ask = verbs.add_parser("ask", help="ask the worker for a finding")
    _room(ask)
    ask.add_argument("name", help="such as auscultate, blood_pressure, skin")
    verbs.add_parser("actions", help="what can be done to a patient")


def _room(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code")
    parser.add_argument(
        "--key", default=os.environ.get(KEY, ""),
        help=f"the instructor's key, shown by open; or the environment's {KEY}",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the answer as JSON."""
    try:
        answer = _do(arguments, RoomClient(arguments.url, *_keys(arguments)))
    except (NoGateway, RequestRefused, ValueError) as error:
        print(f"room: {error}", file=sys.stderr)
        return 2
    if answer is not None:
        print(json.dumps(answer, ensure_ascii=False, indent=1))
    return 0


def _keys(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the instructor's and the operator's key, each empty where it is not needed."""
    return getattr(arguments, "key", ""), getattr(arguments, "operator_key", "")


class RoomClient(ApiClient):
    """The API with a room's key, or with the operator's."""

    def __init__(self, url: str, key: str, operator: str = "") -> None:
        super().__init__(url)
        self.timeout_s = OPEN_S
        keys = {"X-Room-Key": key, "X-Operator-Key": operator}
        self.headers = {name: value for name, value in keys.items() if value}


def _do(arguments: argparse.Namespace, api: ApiClient) -> Any:
    if arguments.verb == "open":
        body = {"case": arguments.case, "seed": arguments.seed, "exam": arguments.exam}
        return api.send("POST", "/rooms", body)
    if arguments.verb == "actions":
        return api.get("/actions")
    path = f"/rooms/{arguments.code}"
    match arguments.verb:
        case "show":
            return api.get(path)
        case "truth" | "log":
            return api.get(f"{path}/{arguments.verb}")
        case "close":
            return api.send("DELETE", path)
        case "act":
            act = {"name": arguments.name, "dose": arguments.dose}
            return api.send("POST", f"{path}/acts", act)
        case "ask":
            return api.send("POST", f"{path}/findings", {"name": arguments.name})
        case "rewind":
            number = arguments.to.replace(".", "", 1).isdigit()
            where = {"time_s": float(arguments.to)} if number else {"bookmark": arguments.to}
            return api.send("POST", f"{path}/rewind", where)
        case "send":
            orders = [parse_order(text) for text in arguments.orders]
        case "start":
            orders = [{"kind": "clock"}]
        case _:
            speed = 0.0 if arguments.verb == "pause" else arguments.speed
            orders = [{"kind": "clock", "speed": speed}]
    return api.send("POST", f"{path}/orders", {"orders": orders})


def parse_order(text: str) -> dict[str, Any]:
    """Return the order that ``text`` states; ValueError lists the forms."""
    kind, _, rest = text.partition(":")
    parts = rest.split(":")
    try:
        match kind:
            case "act":
                return {"kind": kind, "name": parts[0], **({"dose": parts[1]} if parts[1:] else {})}
            case "knob":
                over = {"over": float(parts[2])} if parts[2:] else {}
                return {"kind": kind, "name": parts[0], "to": float(parts[1]), **over}
            case "rhythm":
                return {"kind": kind, "name": parts[0]}
            case "fault":
                more = dict(zip(("for", "value"), map(float, parts[2:4]), strict=False))
                return {"kind": kind, "fault": parts[0], "sensor": parts[1], **more}
            case "say" | "bookmark":
                return {"kind": kind, "text": rest}
            case "end":
                return {"kind": kind, "result": rest or "ended"}
    except (IndexError, ValueError):
        pass
    raise Invalid(
        f"{text!r} is no order; write act:oxygen:10L/min, knob:bronch:0.8:60, rhythm:svt, "
        "fault:motion:ox:60, say:..., bookmark:... or end:..."
    )
