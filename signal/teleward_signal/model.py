"""The messages that travel from a driver to the journal: values only, no behaviour.

Times: ``time_ns`` is UTC in nanoseconds since 1970 and ``None`` until the gateway clock has
stamped the message; ``device_time_ns`` is the device's own clock with an epoch of its own.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_signal.calibration import Calibration


class Provenance(StrEnum):
    """Whether a person or a simulator was behind the device."""

    FIELD = "field"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """A piece of one waveform.

    ``samples`` are raw counts, int16 or int32, shape (n_samples,); the physical value in the unit
    of the metric is ``samples * scale + offset``. ``index`` is the device's running number of the
    first sample, lost samples counted, so a jump against the previous block is a gap.
    ``calibration`` is the curve of the sensor behind red light, where its driver knows it.
    """

    metric: str
    fs: float
    samples: NDArray[np.int16] | NDArray[np.int32]
    scale: float
    index: int
    offset: float = 0.0
    device_time_ns: int | None = None
    time_ns: int | None = None
    uncertainty_ns: int | None = None
    calibration: Calibration | None = None

    def physical(self) -> NDArray[np.float32]:
        """Return the samples in the unit of the metric, float32, shape (n_samples,)."""
        return (self.samples * np.float32(self.scale) + np.float32(self.offset)).astype(np.float32)


class Source(StrEnum):
    """Where a measurement comes from."""

    DEVICE = "device"
    DERIVED = "derived"
    MANUAL = "manual"


CLOCK_TOLERANCE_NS = 2_000_000_000
"""Calendars of devices count whole seconds, and a read takes up to a second."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A device's calendar and the gateway's clocks at one moment.

    ``calendar_ns`` is the calendar read as if it were UTC, in ns since 1970, whatever its zone;
    ``None`` when the device states that its clock is not set. ``time_ns`` (UTC) and
    ``monotonic_ns`` are the gateway's, when the answer arrived.
    """

    calendar_ns: int | None
    time_ns: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class DeviceStamp:
    """What a device states about the time, number and wearer of one reading: evidence, not truth.

    ``calendar_ns`` is the reading's date and time on the device's calendar, read as if it were UTC,
    ``None`` when it has none or its clock was never set. ``offset_minutes`` is how far that
    calendar is ahead of UTC as the device or the settings state it, ``None`` when nobody does.
    ``record`` is the device's own number of the reading, ``user`` the user it chose. ``memory``
    is whether the device states that it comes from its memory (``None``: it does not state).
    ``newest`` marks the last record of a memory that was read to its end. ``clock`` is the
    device's calendar at this connect before anything set it, ``clock_set`` after it was set.
    """

    calendar_ns: int | None = None
    offset_minutes: int | None = None
    record: int | None = None
    user: int | None = None
    memory: bool | None = None
    newest: bool = False
    clock: ClockReading | None = None
    clock_set: ClockReading | None = None

    def age_ns(self, monotonic_ns: int) -> int | None:
        """Return how old the reading is by the device's own clock; needs neither zone nor UTC.

        ``monotonic_ns`` is the arrival. ``None`` when the clock could not be read; negative when
        the device dates the reading after its own present.
        """
        if self.calendar_ns is None:
            return None
        for clock in (self.clock_set, self.clock):
            if clock is None or clock.calendar_ns is None:
                continue
            since_ns = monotonic_ns - clock.monotonic_ns
            age_ns = clock.calendar_ns + since_ns - self.calendar_ns
            # a stamp older than the setting was made by the clock of before
            after = -CLOCK_TOLERANCE_NS <= age_ns <= since_ns + CLOCK_TOLERANCE_NS
            if clock is self.clock or after:
                return age_ns
        return None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One numeric value, or the reason why there is none.

    ``value`` is in the unit of the metric, ``None`` when withheld or missing, with ``reason``.
    ``quality`` is 0 (useless) to 1 (clean) or ``None`` when the source does not say.
    ``valid_s`` is how long the value may be shown as current. Measurements of one reading
    (systolic, diastolic, mean) share ``group``. ``stored`` marks a reading from a device's
    memory, which lands at its own time. ``stamp`` is what the device states about its time,
    number and user; a driver's ``stored`` and ``device_time_ns`` are first guesses made from it.
    """

    metric: str
    value: float | None
    reason: str | None = None
    quality: float | None = None
    source: Source = Source.DEVICE
    time_ns: int | None = None
    uncertainty_ns: int | None = None
    device_time_ns: int | None = None
    valid_s: float = 5.0
    author: str | None = None
    group: str | None = None
    stored: bool = False
    detail: dict[str, Any] = field(default_factory=dict)
    stamp: DeviceStamp | None = None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device's self-description; ``None`` means not reported.

    ``faults`` holds standard names such as ``lead_off``, ``probe_off``, ``low_battery``.
    ``clock`` is the device's calendar beside the gateway's, read before anything set it.
    """

    battery_percent: float | None = None
    faults: frozenset[str] = frozenset()
    identity: dict[str, str] = field(default_factory=dict)
    time_ns: int | None = None
    uncertainty_ns: int | None = None
    clock: ClockReading | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on a waveform, after WFDB: ``N V S Q`` beats, ``~`` quality, ``+`` rhythm change.

    ``time_ns`` is the moment marked; ``until_ns`` ends an interval. ``evidence`` says why.
    """

    metric: str
    symbol: str
    time_ns: int
    until_ns: int | None = None
    label: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


class AlarmKind(StrEnum):
    """What an alarm is about (HL7 DeviceAlert after IEC 60601-1-8)."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Priority(StrEnum):
    """How soon someone must act."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Presence(StrEnum):
    """State of an alarm condition (IEEE 11073-10201)."""

    ON = "on"
    LATCHED = "latched"
    ACKNOWLEDGED = "ack"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One change of one alarm condition of one subject.

    ``since_ns`` (UTC) names the occurrence: an alarm that returns has another. ``ends_pause`` says
    that the change brought back the sound of its subject.
    """

    subject: str
    condition: str
    kind: AlarmKind
    priority: Priority
    presence: Presence
    time_ns: int
    text: str
    metric: str | None = None
    value: float | None = None
    limit: float | None = None
    author: str | None = None
    since_ns: int | None = None
    ends_pause: bool = False
