"""Spans: one index entry per minute of rows, also used for the disk budget.

A span says which numbers it covers, when its records were, and how many of each kind must be in
the two tables. History finds its rows by it (a hot index page a commit would cost a sixth of the
write budget), the disk budget deletes by it, and damage is counted against it.
"""

import json
from dataclasses import dataclass, replace

from teleward_gateway.journal.checksum import Blob, DamagedBlob, pack_blob, unpack_blob
from teleward_gateway.journal.entries import KINDS
from teleward_gateway.journal.row import Row
from teleward_signal.record import RecordKind


@dataclass(frozen=True, slots=True)
class Span:
    """Records ``seq`` up to but not ``stop``.

    ``waves`` and ``events`` are the records that the tables hold of them now, with the bytes of
    their blobs; ``counts`` the records by kind of both, and of what was deleted nothing.
    """

    seq: int
    stop: int
    start_ns: int
    end_ns: int
    waves: int
    events: int
    wave_bytes: int
    event_bytes: int
    counts: dict[RecordKind, int]
    edition: int = 0

    def to_blob(self) -> bytes:
        """Seal the span."""
        body = json.dumps(
            [
                self.stop, self.start_ns, self.end_ns, self.waves, self.events,
                self.wave_bytes, self.event_bytes, self.edition,
                [self.counts.get(kind, 0) for kind in KINDS],
            ],
            separators=(",", ":"),
        )  # fmt: skip
        return pack_blob(Blob.SPAN, self.seq, body.encode())

    @classmethod
    def from_blob(cls, blob: bytes) -> "Span":
        """Open a sealed span; raises `DamagedBlob`."""
        sealed = unpack_blob(blob)
        if sealed.type is not Blob.SPAN:
            raise DamagedBlob("not a span")
        numbers = json.loads(sealed.body)
        stop, start_ns, end_ns, waves, events, wave_bytes, event_bytes, edition, counts = numbers
        by_kind = {kind: n for kind, n in zip(KINDS, counts, strict=False) if n}
        return cls(
            sealed.number, stop, start_ns, end_ns, waves, events, wave_bytes, event_bytes,
            by_kind, edition,
        )  # fmt: skip

    def without(self, table: str) -> "Span":
        """Return the span after the rows of ``table`` were deleted."""
        wave = RecordKind.WAVEFORM
        if table == "wave":
            kept = {kind: n for kind, n in self.counts.items() if kind is not wave}
            return replace(self, waves=0, wave_bytes=0, counts=kept, edition=self.edition + 1)
        kept = {kind: n for kind, n in self.counts.items() if kind is wave}
        return replace(self, events=0, event_bytes=0, counts=kept, edition=self.edition + 1)


def count_row(span: Span | None, row: Row, counts: dict[RecordKind, int]) -> Span:
    """Return ``span`` with ``row`` added; ``counts`` are the row's records by kind."""
    if span is None:
        span = Span(row.seq, row.seq, row.start_ns, row.end_ns, 0, 0, 0, 0, {})
    summed = dict(span.counts)
    for kind, count in counts.items():
        summed[kind] = summed.get(kind, 0) + count
    size = len(row.blob)
    return replace(
        span,
        seq=min(span.seq, row.seq),
        stop=max(span.stop, row.seq + row.count),
        start_ns=min(span.start_ns, row.start_ns),
        end_ns=max(span.end_ns, row.end_ns),
        waves=span.waves + row.count * row.wave,
        events=span.events + row.count * (not row.wave),
        wave_bytes=span.wave_bytes + size * row.wave,
        event_bytes=span.event_bytes + size * (not row.wave),
        counts=summed,
    )
