"""One device's life: search, connect, serve, lose, wait, and again, until it is stopped."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from teleward_drivers.device import DriverInfo, LastRecord, Output
from teleward_drivers.errors import (
    BondLost,
    DeviceNotFound,
    LinkError,
    LinkLost,
    LinkUnavailable,
    Unavailable,
)
from teleward_drivers.link import Link, Received
from teleward_gateway.process.log_limit import LineLimit
from teleward_gateway.sessions.bond import BondPolicy
from teleward_gateway.sessions.connection import Connection
from teleward_gateway.sessions.counters import Counters
from teleward_gateway.sessions.link_retry import LinkRetry, needs_person
from teleward_gateway.sessions.opener import Opener
from teleward_gateway.sessions.session_log import SessionLog
from teleward_gateway.sessions.states import Event, State, after
from teleward_gateway.settings.session_options import SessionOptions, driver_options
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStamp, Measurement

log = logging.getLogger(__name__)

UNCONNECTED = (State.SEARCHING, State.CONNECTING)

OnOutput = Callable[[str, Output, Received], None]
"""Called as ``(device_id, output, received)`` for everything but commands: cheap, no waiting."""

OnState = Callable[[str, State, str], None]
"""Called as ``(device_id, state, reason)`` at each change."""


OnDisk = Callable[[str], Awaitable[bool]]
"""Called as ``(device_id)``: wait until its outputs so far are on disk, return whether they are."""


async def _unconfirmed(_device: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session as others see it; ``since_ns`` is UTC of the last change of state."""

    device: str
    state: State
    reason: str
    since_ns: int
    counters: Counters


class Session:
    """Runs one device; `run` is its task."""

    def __init__(
        self,
        device: str,
        info: DriverInfo,
        options: dict[str, Any],
        opener: Opener,
        on_output: OnOutput,
        on_state: OnState,
        rng: random.Random | None = None,
        on_disk: OnDisk = _unconfirmed,
        utc: Callable[[int], int] | None = None,
        log_limit: LineLimit | None = None,
    ) -> None:
        self.device, self.info = device, info
        self._log = SessionLog(device, log_limit or LineLimit())
        self._on_disk, self._utc = on_disk, utc
        self._last: LastRecord | None = None
        self.counters = Counters()
        self._options, self._opener = options, opener
        self._publish, self._on_state = on_output, on_state
        self._retry = LinkRetry(rng)
        self._bond = BondPolicy(options.get("repair_bond") is not False)
        self._state, self._reason, self._since_ns = State.IDLE, "", time.time_ns()
        self._connection: Connection | None = None
        self._hurry = asyncio.Event()
        self.is_episodic = info.silence_s == 0
        """Whether the device, as last connected, speaks only when it has measured."""

    @property
    def status(self) -> SessionStatus:
        """Return the session as it stands."""
        return SessionStatus(self.device, self._state, self._reason, self._since_ns, self.counters)

    async def run(self) -> None:
        """Run until cancelled; no error of a device or driver ends it."""
        self._move(Event.START)
        try:
            while True:
                error = await self._attempt()
                if self._bond.is_lost(error, self._state, self._opener.bonded):
                    error = await self._repair_bond(error)
                delay_s = self._retry.delay_s(error)
                if needs_person(error):
                    self._move(Event.REFUSE, str(error), error)
                elif isinstance(error, DeviceNotFound) and self._state in UNCONNECTED:
                    self._move(Event.MISSING, str(error), error)
                else:
                    self._move(Event.LOST, str(error), error)
                await self._pause(delay_s)
                self._move(Event.RETRY)
        finally:
            self._move(Event.STOP)

    async def command(self, name: str, arguments: dict[str, Any]) -> None:
        """Carry out one of the driver's commands; raises ValueError or a `LinkError`."""
        if name not in self.info.commands:
            known = ", ".join(sorted(self.info.commands)) or "none"
            raise Invalid(f"driver {self.info.name} has no command {name!r}; it has: {known}")
        if self._connection is None:
            raise LinkLost(f"{self.device} is not connected ({self._state})")
        await self._connection.command(name, arguments)

    async def _attempt(self) -> LinkError:
        """Search, connect and serve once; returns how it ended."""
        try:
            await self._opener.search()
            self._move(Event.FOUND)
            link = await self._opener.connect()
            self._move(Event.CONNECTED)
            await self._serve(link)
        except LinkError as error:
            return error
        except ValueError as error:  # options that do not fit the driver
            return LinkUnavailable(f"{self.device}: {error}", Unavailable.UNSUPPORTED)
        except Exception as error:
            self.counters.n_errors += 1
            log.exception("session %s", self.device)
            return LinkLost(f"internal error: {type(error).__name__}: {error}")
        raise AssertionError("serving ends by an error only")

    async def _serve(self, link: Link) -> None:
        self.counters.n_connects += 1
        began_s, lost = time.monotonic(), True
        try:
            self._connection = Connection(
                link,
                self.info.make(driver_options(self._options)),
                self.info,
                SessionOptions.of(self._options),
                self.counters,
                self._on_output,
                self._on_ready,
                self._on_silent,
                lambda: self._on_disk(self.device),
                self._last,
                self._utc,
            )
            await self._connection.serve()
        except asyncio.CancelledError:
            lost = False  # somebody took the device off
            raise
        finally:
            self._note_pace()
            self._connection = None
            self._retry.held(time.monotonic() - began_s)
            self.counters.n_losses += lost
            self.counters.n_overflowed += int(getattr(link, "n_overflowed", 0))
            await link.close()

    async def _pause(self, delay_s: float) -> None:
        """Wait, unless a person is at it and wants the next attempt now."""
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()

    async def _repair_bond(self, error: LinkError) -> LinkError:
        """Forget the bond so that the next connect pairs again, or report that a person must."""
        if not self._bond.may_repair():
            return BondLost(
                "the device has forgotten its bond: if it is the same device, press "
                "'pair again' on the devices page, or use `teleward devices pair`"
            )
        try:
            await self._opener.forget_bond()
        except LinkError as failure:
            return failure
        return LinkLost(f"pairing again: {error}")

    async def pair_again(self) -> None:
        """Forget the bond, as a person ordered; the next connect pairs."""
        self._bond.repaired_s = None
        await self._opener.forget_bond()
        self._hurry.set()

    def _on_output(self, output: Output, received: Received) -> None:
        if isinstance(output, Measurement) and output.stamp is not None:
            self._note_record(output.stamp)
        if self.is_episodic and self.info.silence_s:
            self._note_pace()
            if not self.is_episodic:  # its first value of a stream: from now on it is missed
                self._on_state(self.device, self._state, self._reason)
        try:
            self._publish(self.device, output, received)
        except Exception:
            self.counters.n_errors += 1
            log.exception("a value of %s was not taken", self.device)

    def _note_record(self, stamp: DeviceStamp) -> None:
        """Note the newest record, from which the next connection reads on.

        It is the one that a whole report ended with, else the newest by the device's calendar:
        a device that was reset begins its numbers again, and may keep records of before.
        """
        last, calendar_ns = self._last, stamp.calendar_ns
        if stamp.record is None:
            return
        if stamp.newest:
            newer = True
        elif last is None or calendar_ns is None or last.calendar_ns is None:
            newer = last is None or stamp.record >= last.record
        else:
            newer = calendar_ns >= last.calendar_ns
        if newer:
            self._last = LastRecord(stamp.record, calendar_ns)

    def _on_ready(self) -> None:
        self._note_pace()
        self._move(Event.READY)

    def _note_pace(self) -> None:
        """Note whether the device streams: its link may then not just end."""
        if self._connection is not None:
            self.is_episodic = self.info.silence_s == 0 or self._connection.is_episodic

    def _on_silent(self, reason: str) -> None:
        self.counters.n_stalls += 1
        self._move(Event.SILENT, reason)

    def _move(self, event: Event, reason: str = "", error: LinkError | None = None) -> None:
        state = after(self._state, event)
        if state is self._state and reason == self._reason:
            return
        self._state, self._reason, self._since_ns = state, reason, time.time_ns()
        self._log.moved(state, reason, error)
        self._on_state(self.device, state, reason)
