"""What the writer takes and gives: a commit, what it needs of the file and of the index."""

from dataclasses import dataclass
from typing import Any, Protocol

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.journal.mark import Mark
from teleward_gateway.journal.requests import Recorded
from teleward_gateway.journal.reserve import Reserve
from teleward_gateway.journal.row import Origin
from teleward_gateway.journal.spans import Span
from teleward_gateway.journal.store import Store
from teleward_signal.record import Record


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction wrote: records ``start`` up to but not ``stop``, at ``time_ns``."""

    start: int
    stop: int
    time_ns: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be written beside records: state documents, records set aside, corrections."""

    states: dict[int, dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    reopened: list[tuple[str, int]]
    corrections: list[Correction]


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found in the file: ``tail`` sums up the rows that no span covers yet."""

    states: dict[int, dict[str, Any]]
    next_number: int
    journal: str
    spans: list[Span]
    tail: Span | None


@dataclass(slots=True)
class WriterCounters:
    """What the writer has done since it started; times in seconds."""

    commits: int = 0
    records: int = 0
    failures: int = 0
    last_commit_s: float = 0.0
    longest_commit_s: float = 0.0
    last_checkpoint_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready:
    """What the writer needs to go on after the file was opened."""

    store: Store
    origin: Origin
    next_number: int
    span: Span | None
    mark: Mark
    reserve: Reserve


class Opener(Protocol):
    """Opens or repairs the file."""

    suspect: str | None

    def open(self) -> Ready:
        """Open the file; raises sqlite3.Error or OSError while the disk is unwilling."""
        ...

    def is_replaced(self) -> bool:
        """Return whether the file that was opened is no longer the one at its path."""
        ...

    def is_overwritten(self) -> bool:
        """Return whether another program wrote an older file into the one that is open."""
        ...

    def checkpointed(self) -> None:
        """Note that the log was moved into the file."""
        ...

    def leave_mark(self, next_number: int) -> None:
        """Note how far the file that is gone or overwritten had come; raises OSError."""
        ...


class Knowledge(Protocol):
    """The index that serves reads; see `teleward_gateway.journal.index`."""

    suspect: str | None

    def corrections(self) -> Corrections:
        """Return the corrections of the clock that are known now."""
        ...

    def due(self, records: tuple[Record, ...], requests: Recorded, stopping: bool) -> Due:
        """Return what must be written along with ``records``, which carry out ``requests``."""
        ...

    def failed(self, due: Due) -> None:
        """Take back what could not be written."""
        ...

    def committed(self, commit: Commit, closed: Span | None) -> None:
        """Note a commit and of the span that it closed."""
        ...

    def tidy(self, store: Store, log_bytes: int, *, urgent: bool = False) -> bool:
        """Keep the file within its budget; return whether anything was deleted."""
        ...
