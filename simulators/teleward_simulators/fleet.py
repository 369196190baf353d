"""Many simulated devices and their radio in one process.

    fleet = Fleet([DeviceSpec("framed-patch", subject="P1", source="simple:steady")], hub=spec)
    await fleet.start()      ...      await fleet.stop()

As a program it reads its devices from a file and says what it does in lines of JSON::

    python -m teleward_simulators.fleet --spec fleet.json
    {"event": "hub", "spec": "unix:/run/air.sock"}
    {"event": "device", "kind": "framed-patch", "subject": "P1", "address": "C0:...", ...}
    {"event": "ready", "devices": 1, "start_monotonic": 12.5, "start_time_ns": 1700000000000000000}

It ends on SIGTERM, SIGINT, or when its standard input closes (its parent died) with ``--tied``.
"""

import argparse
import asyncio
import contextlib
import importlib
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from teleward_signal.errors import Invalid
from teleward_simulators import catalogue
from teleward_simulators.ble.peripheral import Peripheral
from teleward_simulators.device_clock import DeviceClock
from teleward_simulators.fault_script import parse_step, play
from teleward_simulators.private_folder import private_folder
from teleward_simulators.radio.air import Air
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sensors.link_faults import KnowsFaults, follow
from teleward_simulators.source import VitalSource
from teleward_simulators.sources import made_ready
from teleward_simulators.wired.serial_device import SerialDevice

Device = Peripheral | SerialDevice
Progress = Callable[[dict[str, Any]], None]
SourceKey = tuple[str, str, int]
"""Subject, source and seed: who has the same is measured as the same patient."""
CONTROL = "teleward_simulators.control"
CONTROL_KEY = "TELEWARD_CONTROL_KEY"


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device: of what ``kind``, on whom, measuring what.

    ``source`` names a patient (see `sources`); devices with the same ``subject``, ``source`` and
    ``seed`` measure the same one. ``address`` is the BLE address or the path of the port; left
    empty, one is made up. ``options`` go to the kind's constructor, ``faults`` are lines of
    `fault_script`.

    ``start`` is the `time.monotonic` of the device's second zero, the fleet's when left out.
    ``sensor`` is the sensor of a case that the device is: link faults of the case, which its source
    knows, are then carried out by the device.
    """

    kind: str
    subject: str = ""
    source: str = "simple:steady"
    address: str = ""
    name: str | None = None
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    start: float | None = None
    sensor: str = ""

    @property
    def wired(self) -> bool:
        """Return whether the kind is attached by a serial port."""
        return catalogue.is_wired(self.kind)


class Fleet:
    """Runs a hub and devices; `start` and `stop` are idempotent.

    ``hub`` is where other processes find the air, ``ports`` the folder of serial ports, ``start``
    the `time.monotonic` of the patients' second zero. ``transport`` puts the (single) BLE device
    on a real adapter instead: an HCI transport of bumble such as ``usb:0`` or ``hci-socket:0``.
    """

    def __init__(
        self,
        specs: Iterable[DeviceSpec],
        hub: str = "",
        ports: Path | None = None,
        start: float | None = None,
        seed: int = 0,
        sources: dict[SourceKey, VitalSource] | None = None,
        transport: str = "",
    ) -> None:
        self.specs = list(specs)
        self.start_monotonic = time.monotonic() if start is None else start
        self.start_time_ns = time.time_ns() - int((time.monotonic() - self.start_monotonic) * 1e9)
        self.devices: dict[str, Device] = {}
        self.subjects: dict[str, str] = {}
        self._addresses: set[str] = set()
        self._scripts: dict[str, list[asyncio.Task[None]]] = {}
        self._keys: dict[str, SourceKey] = {}
        self._numbers = itertools.count(1)
        self._making = asyncio.Lock()
        self.sources = sources or {}
        self._hub_spec = hub
        self._ports = ports
        self._seed = seed
        self._transport = transport
        self.hub: Hub | None = None

    async def start(self, progress: Progress | None = None) -> None:
        """Switch everything on, reporting each step to ``progress``."""
        report = progress or (lambda event: None)
        self.hub = Hub(Air(self._seed))
        if self._hub_spec:
            report({"event": "hub", "spec": await self.hub.start(self._hub_spec)})
        for spec in self.specs:
            device = await self.add(spec)
            report({"event": "device", "kind": spec.kind, "subject": spec.subject,
                  "address": device.address, "name": device.name, "wired": spec.wired})  # fmt: skip
        report({"event": "ready", "devices": len(self.devices),
              "start_monotonic": self.start_monotonic,
              "start_time_ns": self.start_time_ns})  # fmt: skip

    async def add(self, spec: DeviceSpec) -> Device:
        """Switch one more device on; Invalid when there is one at its address."""
        assert self.hub is not None
        number = next(self._numbers)
        address = spec.address or self._address(spec, number)
        # before anything starts: a second device would take the port or the place on the air
        if address in self._addresses:
            raise Invalid(f"two devices at {address}: give each its own address")
        self._addresses.add(address)
        try:
            return await self._switch_on(spec, number, address)
        except BaseException:
            self._addresses.discard(address)
            raise

    async def _switch_on(self, spec: DeviceSpec, number: int, address: str) -> Device:
        assert self.hub is not None
        steps = [parse_step(line) for line in spec.faults]
        key = (spec.subject, spec.source, spec.seed)
        async with self._making:
            source = self.sources.get(key)
            if source is None:
                # a patient who reacts compiles for half a minute the first time: no device waits
                source = await asyncio.to_thread(made_ready, spec.source, spec.seed)
        clock = DeviceClock(self.start_monotonic if spec.start is None else spec.start)
        # what the fleet sets is no option: a "clock" among them took the place of the device's
        common: dict[str, Any] = {
            **spec.options, "name": spec.name, "clock": clock, "seed": spec.seed or number
        }  # fmt: skip
        device: Device
        if spec.wired:
            device = catalogue.wired_kind(spec.kind)(source, address, **common)
            await device.start()
        else:
            device = catalogue.ble_kind(spec.kind)(source, address, **common)
            await device.start(self.hub.air, self._transport)
        source = self.sources.setdefault(key, source)
        self._keys[device.address] = key
        self.devices[device.address] = device
        self.subjects[device.address] = spec.subject
        scripts = [asyncio.create_task(play(device, steps))] if steps else []
        if spec.sensor and isinstance(source, KnowsFaults):
            faults = follow(device, source, spec.sensor, clock.now_s)
            scripts.append(asyncio.create_task(faults))
        self._scripts[device.address] = scripts
        return device

    def within_folder(self, spec: DeviceSpec) -> DeviceSpec:
        """Return ``spec`` with its port in the fleet's own folder; raises Invalid for any other."""
        if not spec.wired or not spec.address:
            return spec
        folder = Path(os.path.abspath(self._port_folder()))
        path = Path(os.path.abspath(folder / spec.address))
        if path.parent != folder:
            raise Invalid(f"a port is a name in {folder}, such as usb-SIM_1")
        return replace(spec, address=str(path))

    async def remove(self, address: str) -> None:
        """Switch one device off; raises KeyError when there is none."""
        device = self.devices.pop(address)
        self._addresses.discard(address)
        del self.subjects[address]
        for script in self._scripts.pop(address):
            script.cancel()
        key = self._keys.pop(address)
        if key not in self._keys.values():
            del self.sources[key]
        await device.stop()

    async def stop(self) -> None:
        """Switch everything off and remove sockets and port names."""
        for script in itertools.chain(*self._scripts.values()):
            script.cancel()
        self._scripts.clear()
        await asyncio.gather(*(device.stop() for device in self.devices.values()))
        self.devices.clear()
        self._addresses.clear()
        if self.hub is not None:
            await self.hub.stop()
            self.hub = None
        if self._ports is not None:
            with contextlib.suppress(OSError):
                self._ports.rmdir()

    def _address(self, spec: DeviceSpec, number: int) -> str:
        if spec.wired:
            return self._port_path(spec.kind, number)
        # C0..: the two top bits of a static random address are set (Core 5.4, Vol 6 B 1.3.2.1)
        return f"C0:54:57:00:{number >> 8 & 255:02X}:{number & 255:02X}"

    def _port_path(self, kind: str, number: int) -> str:
        label = kind.upper().replace("-", "_")
        return str(self._port_folder() / f"usb-SIM_{label}_{number:04d}-if00-port0")

    def _port_folder(self) -> Path:
        if self._ports is None:
            self._ports = private_folder() / "ports"
        return self._ports


def read_spec(text: str) -> tuple[list[DeviceSpec], dict[str, Any]]:
    """Return the devices and the other settings of a fleet file; ValueError names the mistake."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(f"not JSON: {error}") from None
    rows = content.pop("devices", None)
    if not isinstance(rows, list):
        raise Invalid('the key "devices" must hold a list')
    specs = []
    for number, row in enumerate(rows, 1):
        unknown = set(row) - set(DeviceSpec.__slots__)
        if unknown or "kind" not in row:
            wrong = f"unknown key {sorted(unknown)[0]!r}" if unknown else 'no "kind"'
            raise Invalid(f"device {number}: {wrong}; keys: {', '.join(DeviceSpec.__slots__)}")
        specs.append(DeviceSpec(**row))
    return specs, content


def write_spec(specs: Iterable[DeviceSpec], **settings: Any) -> str:
    """Return the fleet file of ``specs``; ``settings`` are those of `serve`."""
    return json.dumps({**settings, "devices": [asdict(spec) for spec in specs]}, indent=1)


async def serve(
    specs: list[DeviceSpec],
    settings: dict[str, Any],
    tied: bool = False,
    report: Progress | None = None,
    seconds: float | None = None,
) -> None:
    """Run a fleet until it is stopped, or for ``seconds``, reporting events to a callback.

    ``settings``: ``hub``, ``ports``, ``control`` (a TCP port on loopback, 0: any), ``control_key``
    (else the environment's TELEWARD_CONTROL_KEY, else one is made up), ``seed``,
    ``start`` (a `time.monotonic`), ``transport``, ``vhci`` (offer the air to the kernel).
    """
    ended = _ending(tied, seconds)
    report = report or _print_event
    fleet = _fleet_of(specs, settings)
    control = None
    try:
        await fleet.start(report)
        if "control" in settings:
            # FastAPI takes half a second to import: only who wants the API pays, no device waits
            module = await asyncio.to_thread(importlib.import_module, CONTROL)
            key = str(settings.get("control_key") or os.environ.get(CONTROL_KEY, ""))
            control = module.ControlServer(fleet, port=int(settings["control"]), key=key)
            await control.start()
            report({"event": "control", "url": control.url})
        if settings.get("vhci") and fleet.hub is not None:
            # last: the kernel gives the adapter up when a command takes 2 s, as an import may
            await fleet.hub.offer_to_kernel()
        await ended.wait()
    finally:
        if control is not None:
            await control.stop()
        await fleet.stop()


def _fleet_of(specs: list[DeviceSpec], settings: dict[str, Any]) -> Fleet:
    ports = settings.get("ports")
    return Fleet(
        specs,
        settings.get("hub", ""),
        Path(ports) if ports else None,
        settings.get("start"),
        settings.get("seed", 0),
        transport=settings.get("transport", ""),
    )


def _ending(tied: bool, seconds: float | None) -> asyncio.Event:
    """Return what is set by SIGTERM, SIGINT, a closed standard input, or after ``seconds``."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    if seconds is not None:
        loop.call_later(seconds, ended.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if tied:
        loop.add_reader(0, _read_parent, ended)
    return ended


def _print_event(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


def _read_parent(ended: asyncio.Event) -> None:
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        ended.set()


def main() -> int:
    """Run the fleet of a file."""
    parser = argparse.ArgumentParser(description="Simulated devices from a file.")
    parser.add_argument("--spec", type=Path, required=True, help="fleet file, - for standard input")
    parser.add_argument("--tied", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    try:
        specs, settings = read_spec(arguments.spec.read_text())
        asyncio.run(serve(specs, settings, arguments.tied))
    except (ValueError, OSError) as error:
        print(f"{arguments.spec}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
