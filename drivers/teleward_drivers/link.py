"""The seam between a driver and the world: what a session can do for a driver, as plain values.

A driver never does I/O. The session that owns the link executes the driver's commands in order,
each under its own timeout, and hands every received byte back to `Driver.feed`.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that arrived.

    ``channel`` is the 128-bit characteristic UUID in lower case for BLE and ``""`` for serial;
    ``time_ns`` UTC and ``monotonic_ns`` of the arrival.
    """

    data: bytes
    time_ns: int
    monotonic_ns: int
    channel: str = ""


class Link(Protocol):
    """A connected device: BLE (bleak), serial (pyserial), memory (null modem) or replay (capture).

    Every method raises `teleward_drivers.errors.LinkError` subclasses only.
    """

    async def read(self) -> Received:
        """Wait for the next bytes; raises LinkLost when the device is gone."""
        ...

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Send bytes to the device (to ``channel`` on BLE)."""
        ...

    async def subscribe(self, channel: str) -> None:
        """Have notifications or indications of ``channel`` delivered by `read` (BLE)."""
        ...

    async def request(self, channel: str) -> None:
        """Read ``channel`` once; the value is delivered by `read` (BLE)."""
        ...

    def channels(self) -> frozenset[str]:
        """Return the characteristics that the device offers (empty for serial)."""
        ...

    async def close(self) -> None:
        """Give the link up; idempotent."""
        ...
