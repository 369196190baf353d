"""What can be set about a journal, with the reason of every default."""

from dataclasses import dataclass

from teleward_gateway.journal.database import PAGE_BYTES
from teleward_signal.errors import Invalid

SHORTEST_COMMIT_S = 0.25  # below it an SD card spends its time on syncs (10 ms each, measured 4-16)
LONGEST_COMMIT_S = 5.0  # above it a power cut costs more than one breath of a patient
SMALLEST_BUDGET_BYTES = 2**20  # a few minutes of one patient must fit


@dataclass(frozen=True, slots=True)
class JournalConfig:
    """Settings of one journal.

    ``commit_interval_s`` is the loss window in a power cut, beside the length of a block.
    ``max_bytes`` is the disk budget, write-ahead log included. ``queue_records`` and
    ``queue_bytes`` bound what waits in memory while the disk is stuck; ``acknowledge_interval_s``
    is how often what the sinks acknowledged is written (after a crash that much is sent again and
    recognised by its identity). ``verify_bytes`` is the size up to which a journal is read
    and checked whole before it opens; of a larger one the newest minute is. ``log_pages`` of 2 KB
    may gather in the write-ahead log before they move into the file, hot ones once. An import
    does not ``join`` blocks of a waveform: its records stay as they were.
    """

    commit_interval_s: float = 1.0
    max_bytes: int = 8 * 2**30
    queue_records: int = 100_000
    queue_bytes: int = 64 * 2**20
    acknowledge_interval_s: float = 5.0
    span_s: float = 60.0
    verify_bytes: int = 64 * 2**20
    log_pages: int = 4000
    cache_records: int = 20_000
    join: bool = True

    @property
    def log_bytes(self) -> int:
        """Return the bytes that the write-ahead log takes, an eighth of a small budget at most."""
        return min(self.log_pages * PAGE_BYTES, self.max_bytes // 8)

    def __post_init__(self) -> None:
        if not SHORTEST_COMMIT_S <= self.commit_interval_s <= LONGEST_COMMIT_S:
            raise Invalid(
                f"journal.commit_interval_s is {self.commit_interval_s}; "
                f"choose {SHORTEST_COMMIT_S} to {LONGEST_COMMIT_S} seconds"
            )
        if self.max_bytes < SMALLEST_BUDGET_BYTES:
            raise Invalid(
                f"journal.max_bytes is {self.max_bytes}; "
                f"give the journal at least {SMALLEST_BUDGET_BYTES} bytes"
            )
        if self.queue_records < 1 or self.queue_bytes < 1:
            raise Invalid("journal.queue_records and journal.queue_bytes must be positive")
