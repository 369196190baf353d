"""A null modem inside the process: two ends, with loss, delay and corruption when asked.

    near.write(data) --> [lost?] [flipped?] [delayed] --> far.read()      and the other way round

The gateway holds one end as its `Link`; a simulated device or a test holds the other. The faults
are drawn from one seeded generator, so a run can be repeated.
"""

import asyncio
import random
from dataclasses import dataclass

from teleward_drivers.errors import LinkLost, OperationRefused
from teleward_drivers.inbox import Inbox
from teleward_drivers.link import Received


@dataclass(slots=True)
class Faults:
    """What a wire does wrong; may be changed while it runs.

    ``loss`` and ``duplicate`` are probabilities a piece, ``corruption`` a probability a byte of one
    flipped bit; ``delay_s`` holds every piece; a ``silent`` wire carries nothing and tells nobody.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    corruption: float = 0.0
    delay_s: float = 0.0
    silent: bool = False


class MemoryLink:
    """One end of a null modem; make both with `pair`."""

    def __init__(self, faults: Faults, rng: random.Random, channels: frozenset[str]) -> None:
        self.faults = faults
        self.subscribed: set[str] = set()
        self.values: dict[str, bytes] = {}
        self._rng = rng
        self._inbox = Inbox()
        self._channels = channels
        self._peer: MemoryLink | None = None

    @classmethod
    def pair(
        cls, faults: Faults | None = None, seed: int = 0, channels: frozenset[str] = frozenset()
    ) -> tuple["MemoryLink", "MemoryLink"]:
        """Return the two ends of one wire; ``channels`` makes it look like BLE."""
        shared, rng = faults or Faults(), random.Random(seed)
        near, far = cls(shared, rng, channels), cls(shared, rng, channels)
        near._peer, far._peer = far, near
        return near, far

    @property
    def n_overflowed(self) -> int:
        """Pieces thrown away because nobody read."""
        return self._inbox.n_overflowed

    def channels(self) -> frozenset[str]:
        """Return the channels that `pair` was given."""
        return self._channels

    async def read(self) -> Received:
        """Wait for the next piece."""
        return await self._inbox.get()

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Send one piece to the other end."""
        self._check(channel)
        faults = self.faults
        if faults.silent or self._rng.random() < faults.loss:
            return
        copies = 2 if self._rng.random() < faults.duplicate else 1
        for _ in range(copies):
            self._send(self._corrupted(data), channel)

    async def subscribe(self, channel: str) -> None:
        """Note the subscription where the other end can see it."""
        self._check(channel)
        self.subscribed.add(channel)

    async def request(self, channel: str) -> None:
        """Read the value that the other end keeps in its ``values``."""
        self._check(channel)
        peer = self._peer
        if peer is None or channel not in peer.values:
            raise OperationRefused(f"{channel} cannot be read", 0x02)
        if not self.faults.silent:
            self._inbox.put(peer.values[channel], channel)

    async def close(self) -> None:
        """Hang up; the other end reads what is on the wire and then loses the link."""
        self.hang_up("closed")

    def hang_up(self, why: str = "hung up") -> None:
        """End the link for both sides."""
        for end in (self, self._peer):
            if end is not None:
                end._inbox.end(LinkLost(why))

    def _check(self, channel: str) -> None:
        if (ended := self._inbox.ended) is not None:
            raise ended
        if self._channels and channel not in self._channels:
            raise OperationRefused(f"the device has no characteristic {channel}")

    def _corrupted(self, data: bytes) -> bytes:
        chance, rng = self.faults.corruption, self._rng
        if not chance:
            return data
        return bytes(
            byte ^ (1 << rng.randrange(8)) if rng.random() < chance else byte for byte in data
        )

    def _send(self, data: bytes, channel: str) -> None:
        assert self._peer is not None
        if self.faults.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self.faults.delay_s, self._peer._inbox.put, data, channel)
        else:
            self._peer._inbox.put(data, channel)
