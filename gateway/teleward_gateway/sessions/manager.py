"""All sessions of the gateway, kept in step with the registry while it runs."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from teleward_drivers.device import (
    Driver,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
)
from teleward_drivers.errors import LinkUnavailable, Unavailable
from teleward_drivers.link import Received
from teleward_drivers.radio import Adapter, Radio
from teleward_gateway.process.log_limit import LineLimit
from teleward_gateway.process.supervisor import Keep, Supervisor
from teleward_gateway.registry.model import Device
from teleward_gateway.sessions.opener import (
    BleOpener,
    BroadcastOpener,
    Opener,
    RefusedOpener,
    SerialOpener,
)
from teleward_gateway.sessions.session import OnDisk, OnOutput, OnState, Session, SessionStatus
from teleward_gateway.sessions.states import State
from teleward_gateway.settings.session_options import SessionOptions
from teleward_signal.errors import Invalid

log = logging.getLogger(__name__)

STOP_S = 1.8
"""The whole gateway stops in 2 s; BlueZ takes as long to disconnect and may finish alone."""

CHECK_S = 5.0
"""How often the scan is looked after: well inside the 90 s that mark a stalled scan."""


Key = tuple[str, str, dict[str, Any], str | None]


@dataclass(frozen=True, slots=True)
class Running:
    """A session, its task, and what it was started for."""

    key: Key | None
    session: Session
    task: asyncio.Task[None]


class SessionManager:
    """Starts, stops and restarts sessions; all of it belongs to one event loop.

    ``radio`` None, or one named ``off``, means that this gateway uses no Bluetooth. ``feeds`` says
    whom a device feeds now (`Registry.subject_now`), ``utc`` what UTC a monotonic time is by the
    gateway's clock.
    """

    def __init__(
        self,
        drivers: Mapping[str, DriverInfo],
        radio: Radio | None,
        on_output: OnOutput,
        on_state: OnState,
        make_opener: Callable[[Device, DriverInfo], Opener] | None = None,
        seed: int | None = None,
        feeds: Callable[[str], str | None] = lambda device: None,
        on_disk: OnDisk | None = None,
        utc: Callable[[int], int] | None = None,
        keep: Keep | None = None,
    ) -> None:
        self.adapter = Adapter(radio or Radio("off"))
        self.has_radio = radio is not None and radio.name != "off"
        self._drivers = drivers
        self._on_output, self._on_state = on_output, on_state
        self.opener = make_opener or self._opener
        """The way to a device, by its driver."""
        self._rng = random.Random(seed)
        self._feeds = feeds
        self._more: dict[str, Any] = {} if on_disk is None else {"on_disk": on_disk}
        self._more |= {"utc": utc, "log_limit": LineLimit()}
        self._numbers: dict[str, int] = {}
        self.keep = keep or Supervisor().keep
        self._running: dict[str, Running] = {}
        self._check: asyncio.Task[None] | None = None
        self._applying = asyncio.Lock()

    async def apply(self, devices: Iterable[Device]) -> None:
        """Run exactly ``devices``: new ones start, gone ones stop, changed ones start again.

        One that feeds another subject than before is made anew too: its driver must not carry the
        last second of one person into the first of the next.
        """
        wanted = {device.id: device for device in devices}
        async with self._applying:
            if self._check is None:
                self._check = asyncio.create_task(
                    self.keep("scan watch", self._look_after), name="scan watch"
                )
            old = [i for i, r in self._running.items() if r.key != self._key(wanted.get(i))]
            await self._stop(old)
            for device in wanted.values():
                if device.id not in self._running:
                    self._start(device)

    async def stop(self) -> None:
        """Stop all sessions and the scan within 2 s."""
        async with self._applying:
            if self._check is not None:
                self._check.cancel()
                await asyncio.gather(self._check, return_exceptions=True)
                self._check = None
            await self._stop(list(self._running))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self.adapter.close()

    def statuses(self) -> list[SessionStatus]:
        """Return every running session as it stands."""
        return [running.session.status for running in self._running.values()]

    def status(self, device: str) -> SessionStatus | None:
        """Return one session as it stands, None when it does not run."""
        running = self._running.get(device)
        return running.session.status if running else None

    def is_episodic(self, device: str) -> bool:
        """Return whether a device is known to speak only when it has measured."""
        running = self._running.get(device)
        return running is not None and running.session.is_episodic

    def health(self) -> dict[str, Any]:
        """Return devices by state; one that stays away is the ward's alarm, not a fault here."""
        statuses = self.statuses()
        states = Counter(status.state for status in statuses)
        reasons = [f"{s.device}: {s.reason}" for s in statuses if s.state is State.REFUSED]
        if self.adapter.error is not None:
            reasons.insert(0, str(self.adapter.error))
        return {
            "ok": not reasons,
            "error": "; ".join(reasons) or None,
            "devices": len(statuses),
            "devices_in_trouble": {s.device: trouble_of(s) for s in statuses if trouble_of(s)},
            **{state.value: states.get(state, 0) for state in State},
            "bytes_total": sum(s.counters.n_bytes for s in statuses),
            "values_total": sum(s.counters.n_values for s in statuses),
            "connects_total": sum(s.counters.n_connects for s in statuses),
            "losses_total": sum(s.counters.n_losses for s in statuses),
            "stalls_total": sum(s.counters.n_stalls for s in statuses),
            "overflowed_total": sum(s.counters.n_overflowed for s in statuses),
            "discarded_bytes_total": sum(s.counters.discarded.total() for s in statuses),
        }

    async def command(self, device: str, name: str, **arguments: Any) -> None:
        """Carry out a driver's command; raises KeyError, ValueError or a `LinkError`."""
        await self._running[device].session.command(name, arguments)

    async def pair_again(self, device: str) -> None:
        """Forget the bond with a device; raises KeyError or a `LinkError`."""
        await self._running[device].session.pair_again()

    def _start(self, device: Device) -> None:
        info = self._drivers.get(device.driver)
        opener = self.opener(device, info) if info else not_installed(device)
        session = Session(
            device.id,
            info or PLACEHOLDER,
            dict(device.options),
            opener,
            *self._callbacks(device.id),
            random.Random(self._rng.random()),
            **self._more,
        )
        task = asyncio.create_task(
            self.keep(f"session {device.id}", session.run), name=f"session {device.id}"
        )
        self._running[device.id] = Running(self._key(device), session, task)

    def _callbacks(self, device: str) -> tuple[OnOutput, OnState]:
        """Return what a new session of ``device`` reports to; the one before it is mute from now.

        A disconnect may take longer than a stop waits: its last words must not pass for the state
        of the new link, nor its last values for those of the next wearer.
        """
        number = self._numbers[device] = self._numbers.get(device, 0) + 1

        def on_output(name: str, output: Output, received: Received) -> None:
            if self._numbers[device] == number:
                self._on_output(name, output, received)

        def on_state(name: str, state: State, reason: str) -> None:
            if self._numbers[device] == number:
                self._on_state(name, state, reason)

        return on_output, on_state

    def _key(self, device: Device | None) -> Key | None:
        """Return what makes a session's device another one; its label does not."""
        if device is None:
            return None
        return device.driver, device.address, device.options, self._feeds(device.id)

    async def _stop(self, ids: list[str]) -> None:
        tasks = [self._running.pop(i).task for i in ids]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_S)
            for task in late:
                log.warning("%s is still disconnecting", task.get_name())

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            await self.adapter.check()

    def _opener(self, device: Device, info: DriverInfo) -> Opener:
        if info.broadcast and self.has_radio:
            return BroadcastOpener(self.adapter, device.address)
        if info.link is LinkType.BLE and self.has_radio:
            return BleOpener(self.adapter, device.address)
        if info.link is LinkType.BLE:
            why = f"device {device.id}: the radio is off: set radio.adapter"
            return RefusedOpener(LinkUnavailable(why, Unavailable.UNSUPPORTED))
        try:
            own = SessionOptions.of(device.options)
        except ValueError as error:
            why = f"device {device.id}: {error}"
            return RefusedOpener(LinkUnavailable(why, Unavailable.UNSUPPORTED))
        return SerialOpener(device.address, own.serial(info.serial or SerialSettings(115200)))


def trouble_of(status: SessionStatus) -> str:
    """Return what keeps a device from sending, in words; empty while it sends or is new."""
    if status.state in (State.STREAMING, State.IDLE):
        return ""
    state = status.state.value.replace("_", " ")
    reason = status.reason or "not in reach yet" * (status.state is State.SEARCHING)
    return f"{state}: {reason}" if reason else state


def not_installed(device: Device) -> Opener:
    """Return the text for a missing driver of ``device``, for its page and the log."""
    why = f"driver {device.driver!r} is not installed: see `teleward drivers list`"
    return RefusedOpener(LinkUnavailable(why, Unavailable.UNSUPPORTED))


def _make_nothing(options: dict[str, Any]) -> Driver:
    raise Invalid("this driver is not installed")


PLACEHOLDER = DriverInfo(
    name="",
    title="not installed",
    link=LinkType.SERIAL,
    verification=Verification.SIMULATOR,
    source="",
    make=_make_nothing,
    metrics=frozenset(),
)
"""Stands in for a driver of a package that was uninstalled."""
