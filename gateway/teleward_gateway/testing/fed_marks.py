"""The newest minutes of a feed's waveforms and marks, as a journal would have them."""

import itertools
from collections import defaultdict, deque
from collections.abc import Iterator

from teleward_gateway.api.view import HistoryQuery
from teleward_gateway.journal.drafts import waveform_draft
from teleward_gateway.journal.event_drafts import annotation_draft
from teleward_gateway.journal.row import end_of
from teleward_signal.model import Annotation, Provenance, SampleBlock
from teleward_signal.record import Draft, Record, RecordId

KEPT = 6000
"""Records of a bed: some three minutes of three waveforms in tenths of a second."""


class FedMarks:
    """Keeps what a feed publishes of each bed, oldest first."""

    def __init__(self) -> None:
        self._records: dict[str, deque[Record]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._numbers = itertools.count(10**9)

    def take_block(self, subject: str, block: SampleBlock) -> None:
        """Keep a stamped block."""
        self._keep(subject, waveform_draft(subject, "patch", block))

    def take_mark(self, subject: str, mark: Annotation) -> RecordId:
        """Keep a mark; return its identity."""
        return self._keep(subject, annotation_draft(subject, mark))

    def _keep(self, subject: str, draft: Draft) -> RecordId:
        assert draft.time_ns is not None
        identity = RecordId("feed", "feed", next(self._numbers), 0)
        self._records[subject].append(
            Record(
                identity, draft.kind, Provenance.SIMULATED, draft.time_ns, 0, 0, "boot", subject,
                draft.device, draft.metric, draft.payload, draft.samples,
            )
        )  # fmt: skip
        return identity

    def history(self, query: HistoryQuery) -> Iterator[Record]:
        """Yield what reaches into the time of ``query``."""
        for record in list(self._records.get(query.subject, ())):
            wanted = record.kind in query.kinds and query.metric in (None, record.metric)
            late = query.start_ns is not None and end_of(record) <= query.start_ns - 1
            early = query.end_ns is not None and record.time_ns >= query.end_ns
            seen = query.after is not None and (record.id.seq, record.id.part) <= query.after
            if wanted and not (late or early or seen):
                yield record

    def kept_from(self) -> int | None:
        """Return the time of the oldest waveform."""
        times = [r.time_ns for kept in self._records.values() for r in kept if r.samples]
        return min(times, default=None)
