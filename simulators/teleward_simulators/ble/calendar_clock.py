"""The calendar of a device that stamps its readings: it may be wrong until a host sets it.

0x2A2B read, write: Current Time      0x2A08 write: Date Time (A&D cuffs)
"""

import time

from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.ble import current_time as codec
from teleward_drivers.fields import DateTime, Malformed
from teleward_signal.errors import Invalid
from teleward_simulators.ble.peripheral import Peripheral, refusal

VALUE_NOT_ALLOWED = 0x13
WRONG_YEAR_NS = -366 * 86_400_000_000_000
"""A device a year behind: its battery was changed and somebody set only the day."""
SLOW_NS = -16 * 60_000_000_000
"""Sixteen minutes: what users report of home cuffs (eigger/hass-omron issue 190)."""
INDIA_NS = 330 * 60_000_000_000
FACTORY = DateTime(2020, 1, 1)
"""Where a calendar begins that nobody ever set (oliexdev/openScale issue 923)."""
STATES = ("right", "unset", "wrong_year", "slow", "india", "factory")


class CalendarClock:
    """Time of day as a device has it; ``state`` is one of `STATES`."""

    def __init__(self, state: str = "right") -> None:
        if state not in STATES:
            raise Invalid(f"calendar {state!r}: use one of {', '.join(STATES)}")
        self._offset_ns: int | None = None
        if state == "factory":
            self.reset()
        elif state != "unset":
            known = {"right": 0, "wrong_year": WRONG_YEAR_NS, "slow": SLOW_NS, "india": INDIA_NS}
            self._offset_ns = known[state]

    def shift(self, seconds: float) -> None:
        """Move the calendar: a clock that runs slow, another zone."""
        self._offset_ns = (self._offset_ns or 0) + round(seconds * 1e9)

    def reset(self) -> None:
        """Begin at the factory's date, as after a change of battery."""
        self._offset_ns = (FACTORY.to_ns() or 0) - time.time_ns()

    def now(self, ago_s: float = 0.0) -> DateTime | None:
        """Return the calendar ``ago_s`` seconds ago, ``None`` while it was never set."""
        if self._offset_ns is None:
            return None
        return DateTime.from_ns(time.time_ns() + self._offset_ns - int(ago_s * 1e9))

    def set(self, moment: DateTime) -> None:
        """Take the time a host wrote; an impossible date is refused with ATT 0x13."""
        utc_ns = moment.to_ns()
        if utc_ns is None:
            raise refusal(VALUE_NOT_ALLOWED)
        self._offset_ns = utc_ns - time.time_ns()

    def service(self, device: Peripheral) -> Service:
        """Return the Current Time service of ``device``."""
        current = device.writable(
            codec.CURRENT_TIME, self._write_current, read=lambda _: self.read()
        )
        return Service(codec.SERVICE, [current])

    def read(self) -> bytes:
        """Return the value of 0x2A2B."""
        now = self.now()
        return bytes(codec.CurrentTime(now or DateTime(0, 0, 0)))

    def _write_current(self, _connection: Connection, value: bytes) -> None:
        try:
            self.set(codec.CurrentTime.from_bytes(bytes(value)).date_time)
        except Malformed:
            raise refusal(VALUE_NOT_ALLOWED) from None
