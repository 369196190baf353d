"""What a session counts, for `/health`, the metrics and the device page."""

from collections import Counter
from dataclasses import dataclass, field

from teleward_drivers.device import Discarded, Output
from teleward_drivers.link import Received
from teleward_signal.model import DeviceStatus


@dataclass(slots=True)
class Counters:
    """Running totals of one device since the gateway started.

    ``n_bytes`` and ``n_received`` count what arrived, ``n_values`` the blocks, measurements and
    status messages made of it, ``discarded`` the bytes not used by reason. ``n_connects`` counts
    links made, ``n_losses`` links lost, ``n_stalls`` links torn down for silence, ``n_overflowed``
    pieces that nobody read in time, ``n_errors`` mistakes of a driver or of a receiver of values.
    ``unknown_codes`` lists what a monitor sends that its driver has no metric for, with examples.
    """

    n_bytes: int = 0
    n_received: int = 0
    n_values: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    n_connects: int = 0
    n_losses: int = 0
    n_stalls: int = 0
    n_overflowed: int = 0
    n_errors: int = 0
    last_seen_ns: int | None = None
    unknown_codes: str = ""

    def received(self, piece: Received) -> None:
        """Count a piece that arrived."""
        self.n_bytes += len(piece.data)
        self.n_received += 1
        self.last_seen_ns = piece.time_ns

    def output(self, output: Output) -> None:
        """Count what a driver made."""
        if isinstance(output, Discarded):
            self.discarded[output.reason] += output.n_bytes
            return
        self.n_values += 1
        if isinstance(output, DeviceStatus):
            self.unknown_codes = output.identity.get("unknown_codes", self.unknown_codes)
