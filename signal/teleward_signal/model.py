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


@dataclass(frozen=True, slots=True)
class Measurement:
    """One numeric value, or the reason why there is none.

    ``value`` is in the unit of the metric, ``None`` when withheld or missing, with ``reason``.
    ``quality`` is 0 (useless) to 1 (clean) or ``None`` when the source does not say.
    ``valid_s`` is how long the value may be shown as current. Measurements of one reading
    (systolic, diastolic, mean) share ``group``. ``stored`` marks a reading from a device's
    memory, which lands at its own time.
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


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device's self-description; ``None`` means not reported.

    ``faults`` holds standard names such as ``lead_off``, ``probe_off``, ``low_battery``.
    """

    battery_percent: float | None = None
    faults: frozenset[str] = frozenset()
    identity: dict[str, str] = field(default_factory=dict)
    time_ns: int | None = None
    uncertainty_ns: int | None = None


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
    """One change of one alarm condition of one subject."""

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
