"""``teleward simulate``: devices that are not there, for any software that reads devices.

    teleward simulate ble heart-rate --hr 72
    teleward simulate serial cms50d --pty /tmp/oximeter --faults probe_off@30+10
    teleward simulate replay record.hea --as ecg-serial
    teleward simulate file ward.json --control 9800
    teleward simulate list

BLE devices are on a virtual radio (``--radio unix:PATH`` or ``tcp:HOST:PORT``), which Teleward
reads as ``virtual:PATH`` and which ``--bluez`` offers to any program as BlueZ on a private D-Bus;
``--adapter usb:0`` puts one device on a real Bluetooth adapter, for phones.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from teleward_signal.errors import Invalid

VITALS = {
    "hr": "heart_rate",
    "spo2": "spo2",
    "rr": "respiratory_rate",
    "temp": "body_temperature",
    "sys": "nibp_systolic",
    "dia": "nibp_diastolic",
    "pi": "perfusion_index",
}
"""Option -> metric, in the unit of the vocabulary."""
REPLAY_KINDS = {"ecg-serial": "framed-serial", "ecg-ble": "framed-patch", "strap": "heart-rate"}
"""Friendly names for ``replay --as``; every kind's own name works too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be simulated."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="WHAT")
    ble = ways.add_parser("ble", help="a Bluetooth LE device")
    ble.add_argument("kind", help="see `teleward simulate list`")
    ble.add_argument("--address", default="", help="its address (one is made up)")
    serial = ways.add_parser("serial", help="a device on a serial port")
    serial.add_argument("kind", help="see `teleward simulate list`")
    serial.add_argument(
        "--pty", nargs="?", const="", default="", metavar="PATH",
        help="a pseudo-terminal, with PATH as its stable name (one is made up)",
    )  # fmt: skip
    replay = ways.add_parser("replay", help="a recording (WFDB, EDF, CSV) as a live device")
    replay.add_argument(
        "record", type=Path, help="header .hea, file .edf or .bdf, or folder of an export"
    )
    replay.add_argument(
        "--as", dest="kind", default="ecg-serial",
        help=f"{', '.join(REPLAY_KINDS)} or a kind (ecg-serial)",
    )  # fmt: skip
    replay.add_argument("--pty", default="", metavar="PATH", help="name of a serial port")
    file = ways.add_parser("file", help="several devices from a file")
    file.add_argument("file", type=Path, help="JSON, see simulators/README.md")
    ways.add_parser("list", help="the kinds of device and the faults")
    for way in (ble, serial, replay, file):
        _add_common(way, way is file)


def _add_common(parser: argparse.ArgumentParser, is_file: bool) -> None:
    if not is_file:
        parser.add_argument("--name", help="what the device calls itself")
        parser.add_argument(
            "--faults", nargs="+", default=[], metavar="FAULT",
            help="NAME[@START][+LENGTH][:key=value,...], times in seconds",
        )  # fmt: skip
        parser.add_argument(
            "--option", action="append", default=[], metavar="KEY=VALUE",
            help="an option of the kind, such as interval_s=10",
        )  # fmt: skip
        parser.add_argument(
            "--source", default="", help="the patient, such as physiology:normal (vitals below)"
        )
        for option, metric in VITALS.items():
            parser.add_argument(f"--{option}", type=float, help=metric.replace("_", " "))
    parser.add_argument("--radio", default="", help="where the virtual radio listens")
    parser.add_argument("--adapter", default="", help="a real adapter instead: usb:0, hci-socket:0")
    parser.add_argument("--bluez", action="store_true", help="offer the radio as BlueZ on a D-Bus")
    parser.add_argument("--control", type=int, metavar="PORT", help="control API here (0: any)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (1)")
    parser.add_argument("--seconds", type=float, help="end by itself")
    parser.add_argument("--json", action="store_true", help="events as JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Simulate until Ctrl-C; 2 for a mistake in the arguments."""
    try:
        if arguments.way == "list":
            return _list()
        specs, settings = _plan(arguments)
        asyncio.run(_serve(arguments, specs, settings))
    except (ValueError, OSError, RuntimeError) as error:
        print(f"teleward simulate: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        remedy = 'pip install ".[sim]" in the folder of its sources'
        print(f"simulate needs {error.name}: {remedy}", file=sys.stderr)
        return 2
    return 0


def _list() -> int:
    from teleward_simulators import catalogue
    from teleward_simulators.faults import FAULTS

    for title, wired in (("Bluetooth LE (teleward simulate ble KIND)", False),
                         ("Serial (teleward simulate serial KIND)", True)):  # fmt: skip
        print(f"{title}:")
        for kind in catalogue.kinds():
            if kind.wired == wired:
                print(f"  {kind.name:18} {kind.text}")
                if kind.options:
                    print(_indented(f"options: {kind.options}"))
    print("Options are given as --option KEY=VALUE. Faults (--faults NAME@START+LENGTH:KEY=VALUE):")
    for name, text in FAULTS.items():
        print(f"  {name:18} {text}")
    return 0


def _indented(text: str) -> str:
    return textwrap.fill(text, 99, initial_indent=" " * 21, subsequent_indent=" " * 21)


def _plan(arguments: argparse.Namespace) -> tuple[list[Any], dict[str, Any]]:
    """Return the devices and settings that the arguments ask for."""
    from teleward_simulators import catalogue
    from teleward_simulators.fleet import DeviceSpec, read_spec

    settings: dict[str, Any] = {"hub": _radio(arguments.radio), "seed": arguments.seed}
    if arguments.way == "file":
        try:
            specs, extra = read_spec(arguments.file.read_text())
        except ValueError as error:
            raise Invalid(f"{arguments.file}: {error}") from None
        settings |= extra
    else:
        kind = REPLAY_KINDS.get(arguments.kind, arguments.kind)
        wired = arguments.way == "serial" or (
            arguments.way == "replay" and catalogue.is_wired(kind)
        )
        (catalogue.wired_kind if wired else catalogue.ble_kind)(kind)
        address = arguments.pty if wired else getattr(arguments, "address", "")
        specs = [
            DeviceSpec(
                kind,
                "simulated",
                _source(arguments),
                str(address),
                arguments.name,
                arguments.seed,
                _options(arguments),
                arguments.faults,
            )
        ]
    if arguments.control is not None:
        settings["control"] = arguments.control
    if all(spec.wired for spec in specs) and not (arguments.radio or arguments.bluez):
        settings["hub"] = ""
    if arguments.adapter:
        settings |= {"transport": arguments.adapter, "hub": ""}
    return specs, settings


def _radio(spec: str) -> str:
    if spec:
        return spec
    from teleward_simulators.private_folder import private_folder

    return f"unix:{private_folder()}/air.sock"


def _source(arguments: argparse.Namespace) -> str:
    if arguments.way == "replay":
        if not arguments.record.exists():
            raise Invalid(f"{arguments.record} does not exist")
        return f"{_kind_of(arguments.record)}:{arguments.record}"
    chosen = {m: getattr(arguments, o) for o, m in VITALS.items()}
    dial = ",".join(f"{m}={v}" for m, v in chosen.items() if v is not None)
    if not arguments.source:
        return f"dial:{dial}"
    if dial:
        raise Invalid("--source names a patient: leave out --hr, --spo2 and the like")
    return str(arguments.source)


def _kind_of(record: Path) -> str:
    """Return the kind of source that reads a recording."""
    if record.suffix in (".edf", ".bdf"):
        return "edf"
    if record.is_dir():
        return "csv" if (record / "waveforms.csv").exists() else "edf"
    return "wfdb"


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the kind's options; values are JSON where they can be."""
    options: dict[str, Any] = {}
    for pair in arguments.option:
        key, equals, text = pair.partition("=")
        if not equals:
            raise Invalid(f"--option {pair!r}: write KEY=VALUE")
        try:
            options[key] = json.loads(text)
        except json.JSONDecodeError:
            options[key] = text
    return options


async def _serve(arguments: argparse.Namespace, specs: list[Any], settings: dict[str, Any]) -> None:
    from teleward_simulators.fleet import serve

    report = _reporter(arguments.json)
    async with contextlib.AsyncExitStack() as stack:
        if arguments.bluez:
            from teleward_simulators.bluez.offer import offered

            # the facade waits for the hub, which `serve` starts
            await stack.enter_async_context(
                offered(settings["hub"], lambda bus: report({"event": "bluez", "bus": bus}))
            )
        await serve(specs, settings, report=report, seconds=arguments.seconds)


def _reporter(as_json: bool) -> Any:
    def report(event: dict[str, Any]) -> None:
        print(json.dumps(event) if as_json else _sentence(event), flush=True)

    return report


def _sentence(event: dict[str, Any]) -> str:
    match event["event"]:
        case "hub":
            return f"radio      virtual:{event['spec']}"
        case "device":
            what = "port" if event["wired"] else "device"
            return f"{what:10} {event['address']}  {event['name']} ({event['kind']})"
        case "control":
            return f"control    {event['url']}/docs"
        case "bluez":
            return f"BlueZ      export DBUS_SYSTEM_BUS_ADDRESS={event['bus']}"
        case _:
            return "ready, simulated signals only; Ctrl-C ends"
