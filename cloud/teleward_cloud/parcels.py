"""What a collector takes from an engine: parcels of records, and the protocol of their source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from teleward_signal.record import Record, RecordId


@dataclass(frozen=True, slots=True)
class Parcel:
    """Records of one message; ``message`` is what the source needs to acknowledge it."""

    records: tuple[Record, ...]
    message: Any


class Source(Protocol):
    """Where parcels come from and confirmations go."""

    async def open(self) -> None:
        """Start; reconnects by itself."""
        ...

    async def take(self, timeout_s: float) -> list[Parcel]:
        """Return what has arrived, at least one parcel unless ``timeout_s`` passes."""
        ...

    def done(self, parcel: Parcel) -> None:
        """Acknowledge a parcel to the engine."""
        ...

    async def confirm(
        self, gateway: str, stored: Sequence[RecordId], refused: Mapping[RecordId, str]
    ) -> None:
        """Report to a gateway what became of its records; raises ``ConnectionError``."""
        ...

    async def close(self) -> None:
        """Stop; idempotent."""
        ...
