"""The writer of a format: what it gets of an export, and the bytes of files that it gives.

    Scope ---> make_writer(scope) ---> begin() ---> write(records) ... ---> finish()
                                         |              |                      |
                                         +---- Part(name, data, at) -----------+--> files

A writer is a pure function of the scope and the records: the same records give the same bytes, and
it keeps no list of them, so that a month takes no more memory than an hour.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordKind

EXPORTED = frozenset(
    {
        RecordKind.MEASUREMENT,
        RecordKind.WAVEFORM,
        RecordKind.ALARM,
        RecordKind.ANNOTATION,
        RecordKind.DEVICE,
    }
)
"""Kinds that writers get; what users did and how the clock went stays with the gateway."""


@dataclass(frozen=True, slots=True)
class ExportedSubject:
    """The person whose records they are, as the registry has it; times in UTC ns."""

    id: str
    label: str
    attributes: Mapping[str, Any]
    admitted_ns: int
    discharged_ns: int | None


@dataclass(frozen=True, slots=True)
class ExportedDevice:
    """A device that records name; also one that was removed since."""

    id: str
    label: str
    driver: str
    address: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Scope:
    """What an export is about: all that a writer knows besides the records.

    ``start_ns`` to ``end_ns`` is half-open, UTC; a record belongs to it by its time, a waveform by
    its first sample, so that the exports of two days in a row share nothing and miss nothing.
    Without ``waves`` there are no waveforms among the records.
    """

    gateway: str
    ward: str
    version: str
    provenance: Provenance
    subject: ExportedSubject
    devices: Mapping[str, ExportedDevice]
    start_ns: int
    end_ns: int
    waves: bool = True


class Part(NamedTuple):
    """Bytes of one file: appended, or with ``at`` written over what begins there.

    ``name`` is a path within the export, with ``/`` between folders.
    """

    name: str
    data: bytes
    at: int | None = None


class Writer(Protocol):
    """Writes one export in one format.

    ``left_out`` counts records that the format cannot hold, by reason.
    """

    left_out: Counter[str]

    def begin(self) -> Iterable[Part]:
        """Return what stands before all records; raises Invalid for what the scope lacks."""
        ...

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Take the next records, ordered by time and number, at times as known now."""
        ...

    def finish(self) -> Iterable[Part]:
        """Return what stands after all records, and headers that could not be known before."""
        ...


MakeWriter = Callable[[Scope], Writer]
