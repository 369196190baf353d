"""A look at what an unbound device shows, so that a person knows which one is in the hand.

A preview is a session whose values are shown and never recorded; it holds no bond and erases
nothing of the device. It ends by itself when nobody looks any more, and when the device is added.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from teleward_drivers.device import DriverInfo, Output
from teleward_drivers.link import Received
from teleward_gateway.registry import Device, RegistryConflict, RegistryError
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.session import Session
from teleward_gateway.sessions.states import State
from teleward_signal.model import DeviceStatus, Measurement

LEASE_S = 10.0
"""A preview ends so long after a page last asked: pages are closed, not left."""
MOST = 3
"""Links of a small adapter are few, and those of the ward come first."""
FRESH_S = 15.0
"""An older value is not the one that the device shows now."""
LOW_BATTERY = 15.0
"""Percent from which the battery is changed before a device is put on."""
_AWAY = ("did not advertise", "not in reach", "not plugged in")
_UNBONDED = ("bond", "pair", "authent", "encrypt")
"""Words of the reasons of links (`teleward_drivers.ble_errors`)."""


@dataclass(slots=True)
class Preview:
    """What one device showed; ``values`` are the newest by metric with their monotonic time."""

    address: str
    driver: str
    session: Session
    task: "asyncio.Task[None] | None" = None
    looked_s: float = 0.0
    values: dict[str, tuple[float, float]] = field(default_factory=dict)
    faults: frozenset[str] = frozenset()
    battery_percent: float | None = None

    def fresh(self) -> dict[str, float]:
        """Return the values that the device shows now, by metric."""
        now_s = time.monotonic()
        return {m: value for m, (value, at_s) in self.values.items() if now_s - at_s < FRESH_S}


class Previews:
    """The previews of one event loop."""

    def __init__(self, sessions: SessionManager, drivers: Mapping[str, DriverInfo]) -> None:
        self._sessions, self._drivers = sessions, drivers
        self._open: dict[str, Preview] = {}
        self._watch: asyncio.Task[None] | None = None

    def look(self, address: str, driver: str) -> Preview:
        """Return the preview of a device, begun if it is not yet; raises RegistryError."""
        key = address.upper()
        if (known := self._open.get(key)) is not None and known.driver == driver:
            known.looked_s = time.monotonic()
            return known
        info = self._drivers.get(driver)
        if info is None:
            raise RegistryError(f"no driver {driver!r}: see `teleward drivers list`")
        if len(self._open) >= MOST:
            raise RegistryConflict(f"{MOST} devices are looked at already: wait some seconds")
        preview = self._begin(address, info)
        self._open[key] = preview
        if self._watch is None or self._watch.done():
            kept = self._sessions.keep("previews", self._end_unwatched)
            self._watch = asyncio.create_task(kept, name="previews")
        return preview

    def addresses(self) -> list[str]:
        """Return the devices that are looked at."""
        return sorted(self._open)

    async def end(self, address: str) -> None:
        """End the preview of a device: its link is free when this returns."""
        preview = self._open.pop(address.upper(), None)
        if preview is not None and preview.task is not None:
            preview.task.cancel()
            await asyncio.gather(preview.task, return_exceptions=True)

    async def stop(self) -> None:
        """End all previews."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for address in list(self._open):
            await self.end(address)

    def _begin(self, address: str, info: DriverInfo) -> Preview:
        device = Device("preview", info.name, address)
        found: list[Preview] = []

        def on_output(_device: str, output: Output, _received: Received) -> None:
            _take(found[0], output)

        session = Session(
            f"preview of {info.name}",
            info,
            {"repair_bond": False},
            self._sessions.opener(device, info),
            on_output,
            lambda *_: None,
        )
        preview = Preview(address, info.name, session, looked_s=time.monotonic())
        found.append(preview)
        preview.task = asyncio.create_task(session.run(), name=f"preview of {info.name}")
        return preview

    async def _end_unwatched(self) -> None:
        while self._open:
            await asyncio.sleep(1.0)
            now_s = time.monotonic()
            for address, preview in list(self._open.items()):
                if now_s - preview.looked_s > LEASE_S:
                    await self.end(address)


def _take(preview: Preview, output: Output) -> None:
    """Keep a value or a state of the device; readings of its memory are of somebody else."""
    if isinstance(output, Measurement) and not output.stored:
        if output.value is None:
            preview.values.pop(output.metric, None)
        else:
            preview.values[output.metric] = (output.value, time.monotonic())
    elif isinstance(output, DeviceStatus):
        preview.faults = output.faults
        if output.battery_percent is not None:
            preview.battery_percent = output.battery_percent


def advice_of(preview: Preview) -> str:
    """Return the key of the sentence that helps a person with this device now, or an empty one.

    Keys are texts of the page: out_of_reach, after_pairing, taken, low_battery, put_on.
    """
    status = preview.session.status
    if status.state in (State.BACKING_OFF, State.REFUSED):
        if any(words in status.reason for words in _AWAY):
            return "out_of_reach"
        if any(words in status.reason for words in _UNBONDED):
            return "after_pairing"
        return "taken"
    battery = preview.battery_percent
    if "low_battery" in preview.faults or (battery is not None and battery <= LOW_BATTERY):
        return "low_battery"
    if status.state is State.STREAMING and not preview.fresh():
        return "put_on"
    return ""
