"""From a stream of records to FHIR resources: which record becomes what, and what is left out.

measurement              Observation, cuff and artery pressures as one panel
waveform                 Observation with SampledData
alarm                    Observation of the alarm
annotation, rhythm       Observation of the rhythm; single beats are left out
device                   remembered: what a device states of itself goes into its Device
first device time        Observation of the coincident time, again when the clock moves
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from teleward_cloud.exports.fhir.alarms import alarm, rhythm
from teleward_cloud.exports.fhir.identity import OwnReferences, References, Resource, identifier
from teleward_cloud.exports.fhir.observations import (
    coincident_time,
    is_manual,
    known_metric,
    observation,
)
from teleward_cloud.exports.fhir.panels import Group, Panels
from teleward_cloud.exports.fhir.waves import wave
from teleward_signal.errors import Invalid
from teleward_signal.model import Source
from teleward_signal.record import Record, RecordKind

_CLOCK_MOVED_NS = 2_000_000_000
"""Calendars of devices count whole seconds, and a read takes up to a second."""
_MOST_CLOCKS = 256


@dataclass(frozen=True, slots=True)
class Mapped:
    """A resource and the records that it holds; without a resource they are ``left_out`` for."""

    group: Group
    resource: Resource | None
    left_out: str | None = None


@dataclass(slots=True)
class Mapper:
    """Maps one stream of records.

    ``ordered`` is whether it is ordered by time; ``stated`` is what devices state of themselves,
    and ``metrics`` which metrics they gave (device, metric, derived).
    """

    references: References = field(default_factory=OwnReferences)
    ordered: bool = True
    left_out: Counter[str] = field(default_factory=Counter)
    stated: dict[str, dict[str, str]] = field(default_factory=dict)
    metrics: dict[tuple[str | None, str, bool], None] = field(default_factory=dict)
    _panels: Panels = field(default_factory=Panels)
    _clocks: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._panels.ordered = self.ordered

    def take(self, records: Iterable[Record]) -> Iterator[Mapped]:
        """Yield what the next records of the stream complete."""
        for group in self._panels.take(records):
            yield from self._map(group)

    def rest(self) -> Iterator[Mapped]:
        """Yield what is still open; the stream is at its end, or pauses."""
        for group in self._panels.rest():
            yield from self._map(group)

    def held(self) -> list[Record]:
        """Return the records that wait for others of their reading."""
        return self._panels.held()

    def _map(self, group: Group) -> Iterator[Mapped]:
        try:
            yield from self._resources(group)
        except (Invalid, ValueError, TypeError, OverflowError) as error:
            self.left_out[f"cannot be read: {error}"[:80]] += len(group)
            yield Mapped(group, None, str(error))

    def _resources(self, group: Group) -> Iterator[Mapped]:
        record = group[0]
        match record.kind:
            case RecordKind.MEASUREMENT | RecordKind.WAVEFORM if not known_metric(record):
                yield self._without(group, "metric without codes")
            case RecordKind.MEASUREMENT:
                yield from self._measured(group)
            case RecordKind.WAVEFORM:
                resource = wave(record, self.references)
                self._note_metric(record)
                yield Mapped(group, resource)
            case RecordKind.ALARM:
                yield Mapped(group, alarm(record, self.references))
            case RecordKind.ANNOTATION if _is_rhythm(record):
                yield Mapped(group, rhythm(record, self.references))
            case RecordKind.ANNOTATION:
                yield self._without(group, "marks of beats: use wfdb or edf")
            case RecordKind.DEVICE:
                self._note_device(record)
                yield Mapped(group, None)
            case _:
                yield self._without(group, f"{record.kind.value} records")

    def _measured(self, group: Group) -> Iterator[Mapped]:
        resource = observation(group, self.references)
        for record in group:
            self._note_metric(record)
        clock = self._clock(group[0])
        if clock is not None:
            value, moved = clock
            resource["derivedFrom"] = [{"type": "Observation", "identifier": value}]
            if moved is not None:
                yield Mapped((), moved)
        yield Mapped(group, resource)

    def _clock(self, record: Record) -> tuple[Resource, Resource | None] | None:
        """Return the identifier of the coincident time of a device, and its resource if new."""
        device, device_ns = record.device, record.payload.get("device_time_ns")
        if device is None or type(device_ns) is not int:
            return None
        ahead_ns = device_ns - record.time_ns
        known = self._clocks.get(device)
        if known is not None and abs(known[0] - ahead_ns) <= _CLOCK_MOVED_NS:
            return identifier(*known[1].split("|", 1)), None
        resource = coincident_time(record, self.references)
        if resource is None:
            return None
        found: Resource = resource["identifier"][0]
        if len(self._clocks) >= _MOST_CLOCKS:
            del self._clocks[next(iter(self._clocks))]
        self._clocks[device] = ahead_ns, f"{found['system']}|{found['value']}"
        return found, resource

    def _without(self, group: Group, reason: str) -> Mapped:
        self.left_out[reason] += len(group)
        return Mapped(group, None, reason)

    def _note_metric(self, record: Record) -> None:
        if not is_manual(record):
            derived = record.payload.get("source") == Source.DERIVED.value
            self.metrics[record.device, str(record.metric), derived] = None

    def _note_device(self, record: Record) -> None:
        stated = record.payload.get("identity")
        if record.device is not None and isinstance(stated, dict):
            known = self.stated.setdefault(record.device, {})
            known.update({str(key): str(value) for key, value in stated.items()})


def _is_rhythm(record: Record) -> bool:
    return record.payload.get("symbol") == "+" and bool(record.payload.get("label"))
