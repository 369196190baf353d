"""A reading that is not filed yet: it waits for a person, or nobody wore its device."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from teleward_gateway.clock.reading_time import Placement, Reading, When
from teleward_signal.model import Measurement

PRESSURE = ("nibp_systolic", "nibp_diastolic")
_KEPT = (
    "metric",
    "value",
    "reason",
    "quality",
    "device_time_ns",
    "valid_s",
    "group",
    "detail",
)
"""Fields of a measurement that a held reading keeps; the others follow from its placement."""


class Held(StrEnum):
    """Why a reading is not filed."""

    WAITING = "waiting"
    """Its time or its wearer is not known: a person settles it."""
    UNCLAIMED = "unclaimed"
    """Nobody wore the device when it was taken."""


@dataclass(frozen=True, slots=True)
class HeldReading:
    """One reading, all its measurements, and what is known of its time and wearer.

    ``subjects`` may have worn the device. ``user`` and ``record`` are the device's own numbers.
    """

    id: int
    device: str
    state: Held
    placement: Placement
    reading: Reading
    subjects: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    record: int | None = None
    user: int | None = None

    @property
    def text(self) -> str:
        """The values, for people: ``206/119``, ``41``."""
        values = {m.metric: m.value for m in self.measurements if m.value is not None}
        if all(metric in values for metric in PRESSURE):
            return "/".join(f"{values[metric]:g}" for metric in PRESSURE)
        return ", ".join(f"{value:g}" for value in values.values()) or "no value"

    def dump(self) -> str:
        """Return the reading as JSON, without its id."""
        body = asdict(self)
        body["measurements"] = [
            {name: getattr(m, name) for name in _KEPT} for m in self.measurements
        ]
        del body["id"]
        return json.dumps(body)

    @classmethod
    def load(cls, number: int, text: str) -> "HeldReading":
        """Return the reading kept as ``text``."""
        body: dict[str, Any] = json.loads(text)
        placement = body["placement"]
        return cls(
            id=number,
            device=body["device"],
            state=Held(body["state"]),
            placement=Placement(**{**placement, "when": When(placement["when"])}),
            reading=Reading(**body["reading"]),
            subjects=tuple(body["subjects"]),
            measurements=tuple(Measurement(**m) for m in body["measurements"]),
            record=body["record"],
            user=body["user"],
        )


def reading_key(measurement: Measurement) -> str | None:
    """Return what makes a measurement of a device the same one when it is sent again.

    Record number, device time, user, metric and value; None for one without number and time, which
    cannot be told from another of the same value.
    """
    stamp = measurement.stamp
    if stamp is None or (stamp.record is None and stamp.calendar_ns is None):
        return None
    value = None if measurement.value is None else float(measurement.value)
    named = json.dumps([  # kept for years: one form, whatever Python or NumPy prints a number as
        stamp.record, stamp.calendar_ns, stamp.user, measurement.metric, value, measurement.reason,
    ])  # fmt: skip
    return blake2b(named.encode(), digest_size=8).hexdigest()
