"""Readings that belong together: the pressures of one cuff or one artery become one panel.

    nibp_systolic 120, nibp_diastolic 80, nibp_mean 93   same subject, device, time, group  -> panel
    spo2 97                                                                               -> alone

A batch may end in the middle of a reading, so that a panel stays open until it cannot grow: in a
stream ordered by time until a later record, else until a few batches have brought nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from teleward_signal.record import Record, RecordKind

_MOST_OPEN = 64
"""Panels that may be open at once; the parts of a reading follow each other closely."""
_PATIENCE = 3
"""Batches without growth after which a panel is complete: live ones come between those of a
backlog."""
_Key = tuple[str, str | None, str | None, str | None, str, int]
Group = tuple[Record, ...]
"""The records of one resource."""


def panel_name(record: Record) -> str | None:
    """Return the panel that a record is a part of, "nibp" or "arterial"."""
    if record.kind is not RecordKind.MEASUREMENT or record.metric is None:
        return None
    first, _, rest = record.metric.partition("_")
    whole = first in ("nibp", "arterial") and rest in ("systolic", "diastolic", "mean")
    return first if whole else None


def part_of(parts: Sequence[Record], name: str) -> Record | None:
    """Return the part called ``name``: systolic, diastolic or mean."""
    return next((part for part in parts if str(part.metric).endswith(f"_{name}")), None)


@dataclass(slots=True)
class _Open:
    parts: list[Record]
    idle: int = 0


@dataclass(slots=True)
class Panels:
    """Joins the records of a stream; ``ordered`` is whether it is ordered by time."""

    ordered: bool = False
    _open: dict[_Key, _Open] = field(default_factory=dict)

    def take(self, records: Iterable[Record]) -> Iterator[Group]:
        """Yield what is complete: single records, and panels that can grow no more."""
        for found in self._open.values():
            found.idle += 1
        for record in records:
            if self.ordered:
                yield from self._close(lambda key, _: key[-1] < record.time_ns)  # noqa: B023
            name = panel_name(record)
            if name is None:
                yield (record,)
                continue
            key = _key(name, record)
            known = self._open.get(key)
            if known is not None and all(part.metric != record.metric for part in known.parts):
                known.parts.append(record)
                known.idle = 0
                continue
            yield from self._close(lambda other, _: other == key)  # noqa: B023
            if len(self._open) >= _MOST_OPEN:
                yield tuple(self._open.pop(next(iter(self._open))).parts)
            self._open[key] = _Open([record])
        yield from self._close(lambda _, found: not self.ordered and found.idle >= _PATIENCE)

    def held(self) -> list[Record]:
        """Return the records of panels that may still grow."""
        return [record for found in self._open.values() for record in found.parts]

    def rest(self) -> list[Group]:
        """Return the panels that are still open, and forget them."""
        return list(self._close(lambda *_: True))

    def _close(self, is_over: Callable[[_Key, _Open], bool]) -> Iterator[Group]:
        """Yield the panels that are over, and forget them."""
        if self._open:
            for key in [key for key, found in self._open.items() if is_over(key, found)]:
                yield tuple(self._open.pop(key).parts)


def _key(name: str, record: Record) -> _Key:
    group = record.payload.get("group")
    shared = None if group is None else str(group)
    return name, record.subject, record.device, shared, record.id.journal, record.time_ns
