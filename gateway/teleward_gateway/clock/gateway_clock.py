"""The gateway's time: UTC counted by the monotonic clock, corrected openly, with its uncertainty.

    UTC = monotonic + offset        the offset moves only
        - by slewing (up to 500 ppm) towards a system clock that differs a little,
        - by a step, told as a `Correction`, when it differs a lot,
        - forward by the length of a suspend, which is no error and corrects nothing.

A Raspberry Pi has no clock battery: until the kernel says that it is synchronised the time is a
guess. Steps of an unsynchronised clock are someone setting it, so they are believed and everything
stamped by the guess is corrected. Once the kernel was synchronised, a step without synchronisation
is not believed: the monotonic clock knows better.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from teleward_gateway.clock.corrections import Correction
from teleward_gateway.clock.kernel import Reading, boot_id, read_clocks

STEP_NS = 200_000_000  # above what NTP slews (128 ms); below the beat-to-beat interval of a patient
SLEW_PPM = 500  # the fastest that Linux slews its own clock
DRIFT_PPM = 50  # worst crystal of a Pi over temperature
BATTERY_ERROR_NS = 10_000_000_000  # a battery clock is seldom off by more than seconds
GUESS_ERROR_NS = 86_400_000_000_000  # no battery, no server: a day stands for "unknown"
_GRAIN_NS = 1_000_000  # uncertainties are told to the millisecond


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment: UTC and how sure, monotonic time and the boot in which it counts."""

    time_ns: int
    uncertainty_ns: int
    monotonic_ns: int
    boot: str


class Clock(Protocol):
    """What the rest of the gateway needs of time."""

    boot: str

    @property
    def confirmed(self) -> bool:
        """Return whether the time was confirmed by synchronisation in this boot."""
        ...

    def now(self) -> Stamp:
        """Return this moment."""
        ...

    def at(self, monotonic_ns: int) -> Stamp:
        """Return the moment of a monotonic time, by what is known now."""
        ...


class BaseState(NamedTuple):
    """A time base as it was at the monotonic time ``read_at_ns``; all in nanoseconds.

    ``trusted``: 1 when the time was ever confirmed by synchronisation in this boot.
    """

    offset_ns: int
    asleep_ns: int
    trusted: int
    doubtful_since_ns: int
    read_at_ns: int
    error_ns: int


class TimeBase:
    """How UTC follows from the monotonic clock; pure, fed with readings."""

    def __init__(self, boot: str, first: Reading) -> None:
        self.boot = boot
        self.ignored_steps = 0
        self._offset_ns = first.system_ns - first.monotonic_ns
        self._asleep_ns = first.boottime_ns - first.monotonic_ns
        self._trusted = False
        self._doubtful_since_ns = 0
        self._read_at_ns = first.monotonic_ns
        self._error_ns = GUESS_ERROR_NS
        self._read(first, 0)

    @property
    def trusted(self) -> bool:
        """Return whether the time was ever confirmed by synchronisation in this boot."""
        return self._trusted

    def stamp(self, monotonic_ns: int) -> Stamp:
        """Return UTC and its uncertainty for a monotonic time."""
        drift_ns = abs(monotonic_ns - self._read_at_ns) * DRIFT_PPM // 1_000_000
        error_ns = self._error_ns + drift_ns
        error_ns = -(-error_ns // _GRAIN_NS) * _GRAIN_NS
        return Stamp(monotonic_ns + self._offset_ns, error_ns, monotonic_ns, self.boot)

    def observe(self, reading: Reading) -> Correction | None:
        """Compare with the system clock; return the correction if the time had to step."""
        elapsed_ns = max(0, reading.monotonic_ns - self._read_at_ns)
        asleep_ns = reading.boottime_ns - reading.monotonic_ns
        if asleep_ns - self._asleep_ns > STEP_NS:
            self._offset_ns += asleep_ns - self._asleep_ns
        self._asleep_ns = asleep_ns
        apart_ns = reading.system_ns - reading.monotonic_ns - self._offset_ns
        correction = None
        if abs(apart_ns) < STEP_NS:
            slew_ns = elapsed_ns * SLEW_PPM // 1_000_000
            self._offset_ns += max(-slew_ns, min(slew_ns, apart_ns))
        elif self._trusted and not reading.synchronised:
            self.ignored_steps += 1
        else:
            self._offset_ns += apart_ns
            correction = Correction(
                self.boot, self._doubtful_since_ns, reading.monotonic_ns, apart_ns
            )
        self._read(reading, elapsed_ns)
        return correction and replace(correction, uncertainty_ns=self._error_ns)

    def state(self) -> BaseState:
        """Return what a later process of this boot needs to go on."""
        return BaseState(
            self._offset_ns, self._asleep_ns, int(self._trusted), self._doubtful_since_ns,
            self._read_at_ns, self._error_ns,
        )  # fmt: skip

    def resume(self, state: BaseState) -> None:
        """Go on from where an earlier process of this boot was."""
        self._offset_ns, self._asleep_ns = state.offset_ns, state.asleep_ns
        self._trusted, self._doubtful_since_ns = bool(state.trusted), state.doubtful_since_ns
        self._read_at_ns, self._error_ns = state.read_at_ns, state.error_ns

    def _read(self, reading: Reading, elapsed_ns: int) -> None:
        """Take over the kernel's error estimate; without it a trusted time drifts."""
        self._read_at_ns = reading.monotonic_ns
        if reading.synchronised:
            self._trusted = True
            self._doubtful_since_ns = reading.monotonic_ns
            self._error_ns = reading.error_ns
        elif self._trusted:
            self._error_ns += elapsed_ns * DRIFT_PPM // 1_000_000
        else:
            self._error_ns = BATTERY_ERROR_NS if reading.battery else GUESS_ERROR_NS


class GatewayClock:
    """The clock of this process; `poll` it about once a second."""

    def __init__(self, read: Callable[[], Reading] = read_clocks, boot: str | None = None) -> None:
        self._read = read
        self.boot = boot or boot_id()
        self.base = TimeBase(self.boot, read())

    def now(self) -> Stamp:
        """Return this moment."""
        return self.base.stamp(time.monotonic_ns())

    def at(self, monotonic_ns: int) -> Stamp:
        """Return the moment of a monotonic time, by what is known now."""
        return self.base.stamp(monotonic_ns)

    @property
    def confirmed(self) -> bool:
        """Return whether the time was confirmed by synchronisation in this boot."""
        return self.base.trusted

    def health(self) -> dict[str, Any]:
        """Return whether the time is confirmed, how uncertain it is, and what it did not follow."""
        return {
            "confirmed": self.confirmed,
            "uncertainty_s": self.now().uncertainty_ns / 1e9,
            "ignored_steps_total": self.base.ignored_steps,
        }

    def poll(self) -> Correction | None:
        """Look at the system clock; return the correction to record if the time stepped."""
        return self.base.observe(self._read())
