"""``teleward capture``: write down what a device really sends, byte for byte, with times.

    teleward capture --driver cms50d --port /dev/ttyUSB0 --out problem.jsonl --seconds 60
    teleward capture --driver polar-pmd --address C0:11:22:33:44:55 --out strap.jsonl

The driver speaks to the device as it does in the gateway, so the device talks; ``--listen`` sends
nothing. The file's form is drawn in `teleward_drivers.replay_link`. A capture may hold a person's
vital signs: treat it as such. ``teleward replay`` plays it.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from teleward_drivers.ble_link import BleLink
from teleward_drivers.broadcast_link import BroadcastLink
from teleward_drivers.catalogue import driver as find_driver
from teleward_drivers.device import Driver, DriverInfo, LinkType, Output, Request, Subscribe, Write
from teleward_drivers.errors import LinkError
from teleward_drivers.link import Link
from teleward_drivers.radio import Adapter
from teleward_drivers.replay_link import CapturingLink
from teleward_drivers.serial_link import SerialLink
from teleward_signal.errors import Invalid

TICK_S = 1.0
FIND_S = 30.0
"""A device may advertise every ten seconds; with half of it lost, half a minute finds it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--driver", required=True, help="see `teleward drivers list`")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", help="serial port or URL")
    place.add_argument("--address", help="Bluetooth address")
    parser.add_argument("--out", type=Path, required=True, help="file to write, .jsonl")
    parser.add_argument("--seconds", type=float, help="how long (until Ctrl-C)")
    parser.add_argument("--note", default="", help="what the capture shows")
    parser.add_argument("--listen", action="store_true", help="send nothing to the device")
    parser.add_argument("--options", default="{}", help="options of the driver, JSON")
    parser.add_argument("--radio", default="bluez", help="bluez, or virtual:unix:PATH (bluez)")


def run(arguments: argparse.Namespace) -> int:
    """Capture; 1 when the device cannot be reached, 2 for a mistake in the arguments."""
    try:
        info = find_driver(arguments.driver)
        driver = info.make(json.loads(arguments.options))
        _check(info, arguments)
        with arguments.out.open("x", encoding="utf-8") as file:
            count = asyncio.run(_capture(arguments, info, driver, file))
    except (ValueError, OSError) as error:
        print(f"teleward capture: {error}", file=sys.stderr)
        return 2
    except LinkError as error:
        print(f"teleward capture: {error}", file=sys.stderr)
        return 1
    print(f"{count} pieces written to {arguments.out}")
    return 0


def _check(info: DriverInfo, arguments: argparse.Namespace) -> None:
    if (info.link is LinkType.SERIAL) != (arguments.port is not None):
        raise Invalid(f"driver {info.name} is for {info.link}: give --port or --address for it")


async def _capture(
    arguments: argparse.Namespace, info: DriverInfo, driver: Driver, file: TextIO
) -> int:
    async with contextlib.AsyncExitStack() as stack:
        link = await _open(arguments, info, stack)
        capturing = CapturingLink(link, file, info.name, arguments.note)
        stack.push_async_callback(capturing.close)
        task = asyncio.create_task(_converse(capturing, driver, arguments.listen))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        if arguments.seconds is not None:
            loop.call_later(arguments.seconds, task.cancel)
        # the end of the link is the end of the capture: what came before it is what counts
        with contextlib.suppress(asyncio.CancelledError, LinkError):
            await task
    file.flush()
    written: str = arguments.out.read_text(encoding="utf-8")
    return written.count("\n") - 1


async def _open(
    arguments: argparse.Namespace, info: DriverInfo, stack: contextlib.AsyncExitStack
) -> Link:
    if info.serial is not None:
        return await SerialLink.open(arguments.port, info.serial)
    # imported here: `run` opens radios for the gateway, and this command needs no gateway
    from teleward_gateway.commands.run import open_radio

    radio = await open_radio(arguments.radio)
    if radio.close is not None:
        stack.push_async_callback(radio.close)
    adapter = Adapter(radio)
    stack.push_async_callback(adapter.close)
    if info.broadcast:
        return await BroadcastLink.open(adapter, arguments.address)
    return await BleLink.connect(adapter, await adapter.find(arguments.address, FIND_S))


async def _converse(link: CapturingLink, driver: Driver, listen: bool) -> None:
    """Run the driver's start sequence, or only listen, until cancelled."""

    async def take(outputs: Iterable[Output]) -> None:
        for output in outputs:
            await _carry_out(link, output, listen)

    await take(driver.start(time.time_ns()))
    due_s = time.monotonic() + TICK_S
    while True:
        try:
            async with asyncio.timeout(max(0.0, due_s - time.monotonic())):
                received = await link.read()
        except TimeoutError:
            due_s = time.monotonic() + TICK_S
            await take(driver.tick(time.time_ns()))
        else:
            await take(driver.feed(received))


async def _carry_out(link: CapturingLink, output: Any, listen: bool) -> None:
    channel = getattr(output, "channel", "")
    if getattr(output, "optional", False) and channel and channel not in link.channels():
        return
    match output:
        case Subscribe():
            await link.subscribe(channel)
        case Request():
            await link.request(channel)
        case Write() if not listen:
            await link.write(output.data, channel, output.response)
