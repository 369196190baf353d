"""The status of one delivery: counters, the last error, and the answer for health."""

from dataclasses import dataclass
from typing import Any

from teleward_cloud.sink import Connected, Reporting, Sink, SinkCounters
from teleward_gateway.journal.stats import JournalStats, SinkStats


@dataclass(slots=True)
class DeliveryStatus:
    """Counters of a delivery; ``error`` is the last failure since a success."""

    batches: int = 0
    acknowledged: int = 0
    dead_letter: int = 0
    blocked: int = 0
    failures: int = 0
    error: str | None = None
    retry_in_s: float = 0.0

    def health(self, journal: JournalStats, sink: Sink) -> dict[str, Any]:
        """Return the backlog of ``sink`` and the state of its server.

        ``backlog_bytes`` is the backlog's share of the journal's pages.
        """
        mine = next((stats for stats in journal.sinks if stats.name == sink.name), None)
        if mine is None:  # not open yet, or a long backlog is being counted
            return {"ok": self.error is None, "error": self.error, "counting": True}
        # with nothing to send the delivery has not noticed that its server is away
        conflict = notice = away = None
        if isinstance(sink, Reporting):
            conflict, notice = sink.conflict, sink.notice
        if isinstance(sink, Connected) and not sink.connected:
            away = sink.last_error
        error = conflict or self.error or away
        return {
            "ok": error is None,
            "error": error,
            "notice": notice,
            **self._figures(journal, mine, sink.counters()),
        }

    def _figures(
        self, journal: JournalStats, mine: SinkStats, counters: SinkCounters
    ) -> dict[str, Any]:
        share = mine.pending / journal.records if journal.records else 0.0
        return {
            "backlog_records": mine.pending,
            "backlog_bytes": round(min(1.0, share) * journal.file_bytes),
            "backlog_age_s": round(mine.oldest_age_s or 0.0, 3),
            "blocked_records": self.blocked,
            "retry_in_s": round(self.retry_in_s, 3),
            "batches_total": self.batches,
            "failures_total": self.failures,
            "sent_total": counters.sent,
            "acknowledged_total": mine.acknowledged,
            "dead_letters_total": mine.dead_letter,
            "errors_total": counters.errors,
            **counters.detail,
        }
