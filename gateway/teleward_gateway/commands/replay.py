"""``teleward replay``: play a capture into its driver and print what comes out.

    teleward replay problem.jsonl
    teleward replay problem.jsonl --speed 1 --json
    teleward replay problem.jsonl --pty ./port        the same bytes, for any other software

Without ``--speed`` the capture is played at once. The driver gets the very bytes, in the pieces
and at the times in which they came.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from teleward_drivers.catalogue import driver as find_driver
from teleward_drivers.device import Discarded, Output
from teleward_drivers.errors import LinkLost
from teleward_drivers.replay_link import Capture, ReplayLink, load_capture
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

LINGER_S = 0.5
"""How long a played port stays after its last byte."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("capture", type=Path, help="file written by `teleward capture`")
    parser.add_argument("--driver", help="another driver than the one in the capture")
    parser.add_argument("--options", default="{}", help="options of the driver, JSON")
    parser.add_argument("--speed", type=float, default=0.0, help="1 = as it was, 0 = at once (0)")
    parser.add_argument("--json", action="store_true", help="one JSON object an output")
    parser.add_argument("--pty", type=Path, metavar="PATH", help="play to a serial port instead")


def run(arguments: argparse.Namespace) -> int:
    """Play; 2 for a file or driver that does not fit."""
    try:
        capture = load_capture(arguments.capture)
        if arguments.pty is not None:
            asyncio.run(_to_port(capture, arguments.pty))
            return 0
        driver = find_driver(arguments.driver or capture.driver).make(json.loads(arguments.options))
        return asyncio.run(_to_driver(capture, driver, arguments))
    except (ValueError, OSError) as error:
        print(f"teleward replay: {error}", file=sys.stderr)
        return 2


async def _to_driver(capture: Capture, driver: Any, arguments: argparse.Namespace) -> int:
    counts: Counter[str] = Counter()

    def show(outputs: Iterable[Output]) -> None:
        for output in outputs:
            line = describe(output)
            if line is not None:
                counts[str(line["what"])] += 1
                print(json.dumps(line) if arguments.json else _sentence(line))

    if arguments.speed == 0.0:
        show(driver.start(0))
        for received in capture.received():
            show(driver.feed(received))
    else:
        link = ReplayLink(capture, arguments.speed)
        show(driver.start(0))
        try:
            while True:
                show(driver.feed(await link.read()))
        except LinkLost:
            await link.close()
    if not arguments.json:
        print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "nothing")
    return 0


def describe(output: Output) -> dict[str, Any] | None:
    """Return what a person wants to know of an output; ``None`` for commands to the device."""
    match output:
        case Measurement():
            return {
                "what": "measurement",
                "metric": output.metric,
                "value": output.value,
                "reason": output.reason,
                "quality": output.quality,
            }
        case SampleBlock():
            return {
                "what": "samples",
                "metric": output.metric,
                "index": output.index,
                "count": len(output.samples),
                "fs": output.fs,
            }
        case DeviceStatus():
            return {
                "what": "status",
                "battery": output.battery_percent,
                "faults": sorted(output.faults),
                "identity": output.identity,
            }
        case Discarded():
            return {"what": "discarded", "bytes": output.n_bytes, "reason": output.reason}
    return None


def _sentence(line: dict[str, Any]) -> str:
    rest = {key: value for key, value in line.items() if key != "what" and value not in (None, {})}
    return f"{line['what']:12}" + "  ".join(f"{key}={value}" for key, value in rest.items())


async def _to_port(capture: Capture, path: Path) -> None:
    """Wait until a program opens the port, play at the times of the capture, then unplug."""
    from teleward_simulators.wired.pty_port import PtyPort

    info = find_driver(capture.driver)
    baudrate = info.serial.baudrate if info.serial is not None else 115200
    opened = asyncio.Event()
    port = PtyPort(path, baudrate, opened.set, lambda data: None)
    port.plug()
    try:
        print(f"{path}: open it at {baudrate} baud", flush=True)
        await opened.wait()
        start_s = asyncio.get_running_loop().time()
        for received in capture.received():
            due_s = start_s + received.monotonic_ns / 1e9
            await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            port.write(received.data)
        # an unplugged port takes with it what its reader has not read yet
        await asyncio.sleep(LINGER_S)
    finally:
        port.unplug()
