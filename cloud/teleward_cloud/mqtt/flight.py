"""The messages of one batch on their way to a broker, and what became of them."""

import asyncio
from dataclasses import dataclass, field

from teleward_cloud.mqtt.connection import BrokerRefused
from teleward_cloud.mqtt.packing import Message
from teleward_cloud.sink import Rejected
from teleward_signal.record import RecordId


@dataclass(slots=True)
class Flight:
    """``open`` messages are without an answer; ``empty`` is set when none is."""

    open: int = 0
    taken: list[RecordId] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    refused: list[tuple[Message, BrokerRefused]] = field(default_factory=list)
    lost: list[Message] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    blocked: list[Rejected] = field(default_factory=list)
    resumed: bool = False
    error: str | None = None
    empty: asyncio.Event = field(default_factory=asyncio.Event)
