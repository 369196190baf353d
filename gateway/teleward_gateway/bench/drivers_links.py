"""Many devices on one virtual radio: connect time, processor time, loss.

    fleet process    24 chest straps, 8 straps that stream ECG at 130 Hz, behind a hub
    this process     bleak on the virtual radio, links and drivers as in the gateway

The same process then carries the same number of notifications without links and drivers (bare
bleak), so that the price of what Teleward adds is seen. Loss counts ECG samples missing between
the first and the last one received; the radio repeats what is lost, so it must be 0.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from teleward_drivers.ble_link import BleLink
from teleward_drivers.catalogue import driver as find_driver
from teleward_drivers.device import Driver, Request, Subscribe, Write
from teleward_drivers.radio import Adapter
from teleward_gateway.commands.run import open_radio
from teleward_signal.errors import Invalid
from teleward_signal.model import SampleBlock

SETTLE_S = 2.0
"""Until every stream runs: settings and start take a few round trips each."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the load."""
    parser.add_argument("--devices", type=int, default=32, help="connected at once (32)")
    parser.add_argument("--streaming", type=int, default=8, help="of them with ECG at 130 Hz (8)")
    parser.add_argument("--link-seconds", type=float, default=10.0, help="how long to measure (10)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one run."""
    return asyncio.run(_measure(arguments))


def table(result: dict[str, Any]) -> str:
    """Return the figures for a person."""
    return "\n".join(
        (
            f"BLE links on the virtual radio, {result['devices']} devices, "
            f"{result['streaming']} with ECG at 130 Hz, {result['seconds']:.0f} s",
            f"  connect all, with discovery     {result['connect_s']:8.2f} s",
            f"  slowest single connect          {result['slowest_connect_s']:8.2f} s",
            f"  ECG samples received            {result['ecg_samples_per_s']:8.0f} /s",
            f"  ECG samples lost                {result['ecg_lost']:8d}",
            f"  values and blocks decoded       {result['outputs_per_s']:8.0f} /s",
            f"  processor, links and drivers    {result['cpu_percent']:8.1f} % of one core",
            f"  processor, bare bleak callbacks {result['bare_cpu_percent']:8.1f} % of one core",
            f"  processor, simulators and hub   {result['fleet_cpu_percent']:8.1f} % of one core",
        )
    )


async def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    n_devices, n_streaming = arguments.devices, arguments.streaming
    if not 0 < n_streaming <= n_devices:
        raise Invalid("--streaming must be between 1 and --devices")
    kinds = ["polar-h10"] * n_streaming + ["heart-rate"] * (n_devices - n_streaming)
    async with _fleet(kinds) as (radio_spec, addresses, pid):
        radio = await open_radio(radio_spec)
        adapter = Adapter(radio)
        try:
            begin_s = time.monotonic()
            links, slowest_s = await _connect(adapter, addresses)
            connect_s = time.monotonic() - begin_s
            drivers = [_driver(kind) for kind in kinds]
            result = await _run(links, drivers, arguments.link_seconds, pid)
            result["bare_cpu_percent"] = await _bare(links, arguments.link_seconds / 2)
        finally:
            await asyncio.gather(*(link.close() for link in links))
            await adapter.close()
            if radio.close is not None:
                await radio.close()
    return {
        "devices": n_devices,
        "streaming": n_streaming,
        "seconds": arguments.link_seconds,
        "connect_s": connect_s,
        "slowest_connect_s": slowest_s,
        **result,
    }


def _driver(kind: str) -> Driver:
    if kind == "heart-rate":
        return find_driver("heart-rate").make({})
    return find_driver("polar-pmd").make({"ppg": False})


async def _connect(adapter: Adapter, addresses: list[str]) -> tuple[list[BleLink], float]:
    links, slowest_s = [], 0.0
    async with adapter.scanning():
        for address in addresses:
            begin_s = time.monotonic()
            links.append(await BleLink.connect(adapter, await adapter.find(address, 10.0)))
            slowest_s = max(slowest_s, time.monotonic() - begin_s)
    return links, slowest_s


class _Tally:
    """Counts what drivers make; ``spans`` hold first index, end and samples of each stream."""

    def __init__(self) -> None:
        self.n_outputs = self.n_samples = 0
        self.spans: dict[int, list[int]] = {}

    async def session(self, number: int, link: BleLink, driver: Driver) -> None:
        """Serve one device until cancelled."""
        outputs = list(driver.start(time.time_ns()))
        while True:
            for output in outputs:
                if isinstance(output, Subscribe | Request | Write):
                    await _carry_out(link, output)
                    continue
                self.n_outputs += 1
                if isinstance(output, SampleBlock):
                    self.n_samples += len(output.samples)
                    span = self.spans.setdefault(number, [output.index, 0, 0])
                    span[1] = output.index + len(output.samples)
                    span[2] += len(output.samples)
            outputs = list(driver.feed(await link.read()))


async def _run(
    links: list[BleLink], drivers: list[Driver], seconds: float, pid: int
) -> dict[str, Any]:
    """Run a small session on every link and count what the drivers make."""
    tally = _Tally()
    tasks = [
        asyncio.create_task(tally.session(number, link, driver))
        for number, (link, driver) in enumerate(zip(links, drivers, strict=True))
    ]
    await asyncio.sleep(SETTLE_S)
    tally.n_outputs = tally.n_samples = 0
    own_s, fleet_s, begin_s = time.process_time(), _cpu_s(pid), time.monotonic()
    await asyncio.sleep(seconds)
    wall_s = time.monotonic() - begin_s
    result = {
        "ecg_samples_per_s": tally.n_samples / wall_s,
        "outputs_per_s": tally.n_outputs / wall_s,
        "cpu_percent": 100 * (time.process_time() - own_s) / wall_s,
        "fleet_cpu_percent": 100 * (_cpu_s(pid) - fleet_s) / wall_s,
        "ecg_lost": sum(end - first - got for first, end, got in tally.spans.values()),
    }
    for task in tasks:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    for error in done:
        if isinstance(error, Exception):
            raise error
    return result


async def _bare(links: list[BleLink], seconds: float) -> float:
    """Return what the callbacks alone cost: notifications arrive and nobody reads them."""
    begin_s, own_s = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    return 100 * (time.process_time() - own_s) / (time.monotonic() - begin_s)


async def _carry_out(link: BleLink, command: Subscribe | Request | Write) -> None:
    if command.channel not in link.channels():
        return
    match command:
        case Subscribe():
            await link.subscribe(command.channel)
        case Request():
            await link.request(command.channel)
        case Write():
            await link.write(command.data, command.channel, command.response)


@contextlib.asynccontextmanager
async def _fleet(kinds: list[str]) -> AsyncIterator[tuple[str, list[str], int]]:
    """Run the devices in a process of their own; give radio, addresses and process id."""
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as folder:
        hub = f"unix:{folder}/air.sock"
        path = Path(folder) / "fleet.json"
        rows = [{"kind": kind, "subject": f"P{n}", "seed": n} for n, kind in enumerate(kinds, 1)]
        path.write_text(json.dumps({"hub": hub, "devices": rows}))
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "teleward_simulators.fleet", "--spec", str(path),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert child.stdout is not None
            addresses = []
            async for line in child.stdout:
                event = json.loads(line)
                if event["event"] == "device":
                    addresses.append(event["address"])
                if event["event"] == "ready":
                    break
            yield f"virtual:{hub}", addresses, child.pid
        finally:
            child.terminate()
            await child.wait()


def _cpu_s(pid: int) -> float:
    """Return the processor time of another process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks_per_s = 100
    return (int(fields[11]) + int(fields[12])) / ticks_per_s
