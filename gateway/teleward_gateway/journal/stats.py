"""Statistics of a journal, for health, metrics and the command line."""

from dataclasses import dataclass, field
from typing import Any

from teleward_signal.record import RecordKind


@dataclass(frozen=True, slots=True)
class Losses:
    """Records that are gone although they should not be, by cause; counted, never guessed.

    ``queue``: given up in memory while the disk took nothing. ``damage``: committed, then
    destroyed on the disk. ``budget``: deleted by the disk budget before every sink had them.
    """

    queue: dict[RecordKind, int] = field(default_factory=dict)
    damage: int = 0
    budget: int = 0

    @property
    def total(self) -> int:
        """Return all of them."""
        return sum(self.queue.values()) + self.damage + self.budget


@dataclass(frozen=True, slots=True)
class SinkStats:
    """One sink's side; ``oldest_age_s`` is the age of the oldest record that it has not got."""

    name: str
    pending: int
    acknowledged: int
    dead_letter: int
    oldest_age_s: float | None


@dataclass(frozen=True, slots=True)
class JournalStats:
    """A journal at one moment.

    ``records`` counts what is kept now, ``file_bytes`` the pages in use, ``loss_window_s`` what a
    power cut may cost beside the block that is being filled. ``problem`` says why nothing is
    written now. ``expired`` counts records deleted by the budget that nobody was owed.
    """

    journal: str
    records: int
    file_bytes: int
    max_bytes: int
    queued: int
    next_number: int
    loss_window_s: float
    commits: int
    last_commit_s: float
    longest_commit_s: float
    problem: str | None
    healed: int
    expired: int
    lost: Losses
    sinks: tuple[SinkStats, ...]

    def health(self) -> dict[str, Any]:
        """Return whether the journal writes, how full it is, and what it had to give up."""
        return {
            "ok": self.problem is None,
            "error": self.problem,
            "journal": self.journal,
            "records": self.records,
            "bytes": self.file_bytes,
            "max_bytes": self.max_bytes,
            "queued": self.queued,
            "commits_total": self.commits,
            "last_commit_s": self.last_commit_s,
            "longest_commit_s": self.longest_commit_s,
            "loss_window_s": self.loss_window_s,
            "healed_total": self.healed,
            "expired_total": self.expired,
            "lost_total": self.lost.total,
            "lost_queue_total": sum(self.lost.queue.values()),
            "lost_damage_total": self.lost.damage,
            "lost_budget_total": self.lost.budget,
        }
