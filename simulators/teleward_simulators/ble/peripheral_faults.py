"""The fault menu carried out on a BLE peripheral: on its air, its clock, its body, its packets."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from bumble.device import Device
from bumble.keys import MemoryKeyStore

from teleward_signal.errors import Invalid
from teleward_simulators.device_clock import DeviceClock
from teleward_simulators.faults import FAULTS, PacketFaults, PacketMangler
from teleward_simulators.radio.air import Air
from teleward_simulators.radio.conditions import Conditions

Arguments = dict[str, Any]
WELL_BATTERY = 90


class FaultyDevice(Protocol):
    """The part of a `Peripheral` that faults act on."""

    address: str
    air: Air | None
    clock: DeviceClock
    device: Device | None
    mangler: PacketMangler
    stuck_silent: bool

    async def disconnect(self, reason: int = ...) -> None: ...
    async def move(self, address: str) -> None: ...
    def set_battery(self, percent: int) -> None: ...
    def set_probe(self, off: bool) -> None: ...
    def spawn(self, work: Awaitable[None]) -> None: ...


def carry_out(device: FaultyDevice, name: str, arguments: Arguments) -> None:
    """Do fault ``name`` to ``device``; raises ValueError naming what there is."""
    if name not in FAULTS:
        raise Invalid(f"no fault {name!r}: there are {', '.join(FAULTS)}")
    air = device.air
    if air is None:
        raise Invalid(f"{device.address} is switched off")
    if name in _ON_AIR:
        _ON_AIR[name](device, air, arguments)
    elif name in _CONDITIONS:
        _CONDITIONS[name](air.conditions(device.address), arguments)
    elif name in _ON_DEVICE:
        _ON_DEVICE[name](device, arguments)
    elif name not in PacketFaults.__slots__:
        raise Invalid(f"{device.address}: {name!r} is a fault of a cable")
    else:
        device.mangler.set(name, float(arguments.get("rate", 0.05)))


def _silence(device: FaultyDevice, air: Air, arguments: Arguments) -> None:
    air.conditions(device.address).silent = True
    device.stuck_silent = bool(arguments.get("stuck", False))


def _clear(device: FaultyDevice, air: Air, _arguments: Arguments) -> None:
    device.mangler.clear()
    air.clear(device.address)
    device.stuck_silent = False
    device.clock.set_skew(0.0)
    device.set_battery(WELL_BATTERY)
    device.set_probe(False)


def _latency(conditions: Conditions, arguments: Arguments) -> None:
    conditions.delay_s = float(arguments.get("seconds", 0.03))
    conditions.jitter_s = float(arguments.get("jitter", 0.0))


def _rssi(conditions: Conditions, arguments: Arguments) -> None:
    conditions.rssi = int(arguments.get("value", -90))
    conditions.rssi_walk = int(arguments.get("walk", 0))


def _advertising_loss(conditions: Conditions, arguments: Arguments) -> None:
    conditions.advertising_loss = float(arguments.get("rate", 0.5))


def _refuse(conditions: Conditions, _arguments: Arguments) -> None:
    conditions.refuse = True


def _forget_bonds(device: FaultyDevice, _arguments: Arguments) -> None:
    assert device.device is not None
    device.device.keystore = MemoryKeyStore()


def _calendar(device: FaultyDevice) -> Any:
    found = getattr(device, "calendar", None)
    if found is None:
        raise Invalid(f"{device.address} has no calendar that could be wrong")
    return found


def _reset_memory(device: FaultyDevice, _arguments: Arguments) -> None:
    memory = getattr(device, "memory", None)
    if memory is None:
        raise Invalid(f"{device.address} has no memory by record access")
    memory.records.clear()


def _wrong_rate(device: FaultyDevice, arguments: Arguments) -> None:
    announce = getattr(device, "announce", None)
    if announce is None:
        raise Invalid(f"{device.address} announces no rate")
    announce(int(arguments.get("hz", 135)))


_ON_AIR: dict[str, Callable[[FaultyDevice, Air, Arguments], object]] = {
    "link_loss": lambda device, air, _: air.drop_links(device.address),
    "away": lambda device, air, _: air.move_away(device.address),
    "silence": _silence,
    "clear": _clear,
}
_CONDITIONS: dict[str, Callable[[Conditions, Arguments], None]] = {
    "refuse": _refuse,
    "latency": _latency,
    "advertising_loss": _advertising_loss,
    "rssi": _rssi,
}
_ON_DEVICE: dict[str, Callable[[FaultyDevice, Arguments], None]] = {
    "peer_disconnect": lambda device, _: device.spawn(device.disconnect()),
    "clock_skew": lambda device, a: device.clock.set_skew(float(a.get("ppm", 100.0))),
    "low_battery": lambda device, a: device.set_battery(int(a.get("percent", 5))),
    "bond_lost": _forget_bonds,
    "probe_off": lambda device, _: device.set_probe(True),
    "clock_offset": lambda device, a: _calendar(device).shift(float(a.get("seconds", -960.0))),
    "clock_zone": lambda device, a: _calendar(device).shift(60.0 * float(a.get("minutes", 330.0))),
    "clock_reset": lambda device, _: _calendar(device).reset(),
    "memory_reset": _reset_memory,
    "wrong_rate": _wrong_rate,
    "wrong_address": lambda device, a: device.spawn(device.move(str(a.get("address", "")))),
}
