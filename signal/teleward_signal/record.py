"""A record: what the journal keeps and every sink delivers, with an identity that never changes."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from teleward_signal.model import Provenance


class RecordKind(StrEnum):
    """What a record holds; sinks choose by it."""

    MEASUREMENT = "measurement"
    WAVEFORM = "waveform"
    ALARM = "alarm"
    ANNOTATION = "annotation"
    DEVICE = "device"
    AUDIT = "audit"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, order=True)
class RecordId:
    """Identity of a record in the world: ``seq`` orders the records of one journal.

    ``journal`` is a random id made with each new database, so a cloned card cannot collide;
    ``part`` addresses one record inside a journal row.
    """

    gateway: str
    journal: str
    seq: int
    part: int


@dataclass(frozen=True, slots=True)
class Record:
    """One fact about one subject or device.

    ``time_ns`` is UTC of the fact (first sample of a waveform), ``monotonic_ns`` and ``boot`` say
    when the gateway took it in by the clock that never jumps. ``payload`` holds plain JSON values;
    waveforms carry ``samples`` (int16 or int32 bytes, little endian) beside it.
    """

    id: RecordId
    kind: RecordKind
    provenance: Provenance
    time_ns: int
    uncertainty_ns: int
    monotonic_ns: int
    boot: str
    subject: str | None
    device: str | None
    metric: str | None
    payload: dict[str, Any] = field(default_factory=dict)
    samples: bytes = b""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before the journal has given it an identity and stamped it.

    ``time_ns`` stays ``None`` for "now". Fields as in `Record`.
    """

    kind: RecordKind
    subject: str | None = None
    device: str | None = None
    metric: str | None = None
    time_ns: int | None = None
    uncertainty_ns: int = 0
    payload: dict[str, Any] = field(default_factory=dict)
    samples: bytes = b""
