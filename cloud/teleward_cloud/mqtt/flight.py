"""The messages of one batch on their way to a broker, and what became of them."""

import asyncio
from dataclasses import dataclass, field

from teleward_signal.record import RecordId


@dataclass(slots=True)
class Flight:
    """``open`` messages are without an answer; ``empty`` is set when none is."""

    open: int = 0
    taken: list[RecordId] = field(default_factory=list)
    refused: dict[RecordId, str] = field(default_factory=dict)
    error: str | None = None
    empty: asyncio.Event = field(default_factory=asyncio.Event)
