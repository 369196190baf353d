"""``teleward scan``: what is in reach, which driver it wants, signal and battery.

A running gateway is asked for its own scan, for two programs that scan with one adapter disturb
each other; without one this process scans. ``--serial`` listens to the serial ports instead.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from teleward_drivers.catalogue import catalogue, for_advertisement
from teleward_drivers.detect import PortState, detect
from teleward_drivers.errors import LinkError
from teleward_drivers.ports import Port, ports
from teleward_drivers.radio import Adapter, Radio
from teleward_drivers.strangers import stranger
from teleward_gateway.api.client import ApiClient, NoGateway, RequestRefused
from teleward_gateway.commands.devices import print_table
from teleward_gateway.commands.run import open_radio
from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings

Rows = list[dict[str, Any]]
REDRAW_S = 1.0
CLEAR = "\x1b[H\x1b[J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    parser.add_argument("--url", help="gateway to ask, e.g. http://127.0.0.1:8080")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to look (10)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--serial", action="store_true", help="listen to the serial ports")
    parser.add_argument("--port", action="append", help="with --serial: only this port")
    parser.add_argument(
        "--ask",
        action="store_true",
        help="with --serial: send each driver's first commands to ports that stay silent",
    )


def run(arguments: argparse.Namespace) -> int:
    """Look and print; 0 when it worked, whatever was found."""
    try:
        settings = settings_of(arguments.config)
        if arguments.serial:
            return asyncio.run(_scan_ports(arguments))
        url = arguments.url or f"http://{settings.api.host}:{settings.api.port}"
        client = ApiClient(url)
        if arguments.url or client.is_running():
            return asyncio.run(_show(lambda: _ask(client), arguments))
        return asyncio.run(_scan_here(settings, arguments))
    except SettingsError as error:
        print(error, file=sys.stderr)
    except (NoGateway, RequestRefused, LinkError) as error:
        print(f"teleward scan: {error}", file=sys.stderr)
    return 1


def settings_of(file: Path) -> Settings:
    """Return the settings; without a file, those of a gateway that nobody has set up yet."""
    if not file.exists():
        return Settings.model_validate({})
    return read(file).settings


async def _ask(client: ApiClient) -> Rows:
    rows: Rows = await asyncio.to_thread(client.get, "/commissioning/scan")
    return rows


async def _scan_here(settings: Settings, arguments: argparse.Namespace) -> int:
    radio: Radio = await open_radio(settings.radio.adapter)
    adapter = Adapter(radio)

    async def look() -> Rows:
        return seen(adapter)

    async with adapter.scanning():
        try:
            return await _show(look, arguments)
        finally:
            await adapter.close()


def seen(adapter: Adapter) -> Rows:
    """Return the sightings of an adapter as the API would."""
    now_ns = time.monotonic_ns()
    rows = [
        {
            "address": s.address,
            "name": s.name,
            "drivers": [info.name for info in for_advertisement(s.name, s.services)],
            "rssi_dbm": s.rssi_dbm,
            "age_s": round((now_ns - s.monotonic_ns) / 1e9, 1),
            "battery_percent": s.battery_percent,
            "device": None,
            "feeds": None,
            "note": known.note if (known := stranger(s.name)) else "",
        }
        for s in adapter.sightings.values()
    ]
    return sorted(rows, key=lambda row: (not row["drivers"], -int(str(row["rssi_dbm"]))))


async def _show(look: Callable[[], Awaitable[Rows]], arguments: argparse.Namespace) -> int:
    """Redraw the table each second on a terminal; print once at the end elsewhere."""
    live = sys.stdout.isatty() and not arguments.json
    end_s = time.monotonic() + arguments.seconds
    rows = await look()
    while (left_s := end_s - time.monotonic()) > 0:
        if live:
            print(CLEAR, end="")
            show_table(rows)
        await asyncio.sleep(min(REDRAW_S, left_s))
        rows = await look()
    if live:
        print(CLEAR, end="")
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        show_table(rows)
    return 0


def show_table(rows: Rows) -> None:
    """Print the devices in reach."""
    table = [("ADDRESS", "NAME", "DRIVER", "SIGNAL", "BATTERY", "SEEN", "OURS")]
    for row in rows:
        battery = row["battery_percent"]
        ours = row["device"] or ""
        table.append(
            (
                row["address"],
                row["name"] or "-",
                ", ".join(row["drivers"]) or "unknown",
                f"{row['rssi_dbm']} dBm",
                "-" if battery is None else f"{battery} %",
                f"{row['age_s']:.0f} s ago",
                f"{ours} -> {row['feeds']}" if row["feeds"] else ours,
            )
        )
    print_table(table)
    if not rows:
        print("nothing in reach: is the device switched on, and not connected elsewhere?")


async def _scan_ports(arguments: argparse.Namespace) -> int:
    """Listen to each port in turn."""
    if sys.platform != "linux":
        print(f"serial ports are tested on Linux only, not on {sys.platform}", file=sys.stderr)
    if arguments.port:
        found = [Port(path, path, "") for path in arguments.port]
    else:
        found = await asyncio.to_thread(ports)
    rows: Rows = []
    for port in found:
        rows.append(await _listen(port, arguments.ask))
        if not arguments.json:
            print(sentence(rows[-1]), flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    elif not rows:
        print("no serial port: plug an adapter in (ls /dev/serial/by-id)")
    return 0


async def _listen(port: Port, ask: bool) -> dict[str, Any]:
    drivers = list(catalogue().values())
    found = await detect(port.path, drivers)
    if ask and found.state is PortState.SILENT:
        found = await detect(port.path, drivers, ask=True)
    return {
        "path": port.path,
        "description": port.description,
        "state": found.state,
        "driver": found.driver or None,
        "baudrate": found.settings.baudrate if found.settings else None,
        "detail": found.detail,
        "shares_its_name": port.shares_its_name,
    }


SENTENCES = {
    PortState.SILENT: "silent: switched off, or waits to be asked (--ask)",
    PortState.IN_USE: "in use by another program; left alone",
    PortState.MISSING: "not plugged in",
}


def sentence(row: dict[str, Any]) -> str:
    """Return the detection result of a port in words."""
    state = row["state"]
    if state is PortState.FOUND:
        text = f"{row['driver']} at {row['baudrate']} baud"
    else:
        text = SENTENCES.get(state) or f"unknown: {row['detail']}"
    return f"{row['path']}: {text}"
