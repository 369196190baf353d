"""The seam between the journal and a server: a sink is given batches and answers what was kept.

The gateway's delivery loop reads the journal, hands batches to the sink and remembers the
acknowledged ranges. A sink never buffers on its own and never acknowledges before a real PUBACK,
2xx or storage confirmation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from teleward_signal.record import Record, RecordId, RecordKind


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record the server will never take, and why; it is set aside, not retried."""

    id: RecordId
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch; a record in no list is tried again.

    ``acknowledged`` may name records of earlier batches that were ``held``. A held record was
    taken but may still be lost: it is not handed over again while the sink stays open, and not
    remembered as acknowledged, so that after a restart of the gateway it is sent again.
    ``forgotten`` names held records that the server lost; they are tried again.
    ``blocked`` names records that the server refuses for a cause of its own, which a person
    corrects there: they stay in the backlog and are tried again now and then; ``resumed`` says
    that blocked records of earlier batches can be sent again.
    ``retry_after_s`` is the time that the server asked for; ``error`` the last failure in words.
    A time without an error is no failure: the sink can take no more for that long.
    """

    acknowledged: tuple[RecordId, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    held: tuple[RecordId, ...] = ()
    forgotten: tuple[RecordId, ...] = ()
    blocked: tuple[Rejected, ...] = ()
    resumed: bool = False
    retry_after_s: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SinkCounters:
    """What a sink has seen since it was opened, for health and metrics."""

    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    errors: int = 0
    detail: dict[str, float] = field(default_factory=dict)


class Sink(Protocol):
    """A destination of records.

    ``name`` is stable across restarts: the journal's acknowledged ranges hang on it.
    """

    name: str
    kinds: frozenset[RecordKind]
    max_batch: int

    async def open(self) -> None:
        """Start connecting; does not wait for the server and does not raise when it is away."""
        ...

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Deliver a batch in order; ``live`` is false for the backlog after an outage.

        An empty batch asks what became of held records; call it now and then when idle.
        """
        ...

    def counters(self) -> SinkCounters:
        """Return the counters."""
        ...

    async def close(self) -> None:
        """Disconnect cleanly (last will, flush) within two seconds; idempotent."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """What a sink may have besides: more for health than what became of its batches."""

    conflict: str | None
    """What a person has to change, such as another gateway of the same name."""
    notice: str | None
    """What it leaves out, or cannot know, by its settings."""


@runtime_checkable
class Connected(Reporting, Protocol):
    """What a sink may have besides: a connection of its own, which health reports on."""

    connected: bool
    last_error: str | None
    """Why there is no connection."""


@runtime_checkable
class Retrying(Protocol):
    """What a sink may have besides: waits that `retry` cuts short."""

    def retry(self) -> None:
        """Try again at once: a person has corrected the server."""
        ...
