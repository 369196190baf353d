"""A device that only broadcasts: its service data as a `Link`, without a connection.

    advertisement --service data--> Received(channel = UUID of the service)

Nothing can be written, read or subscribed to. The link lasts as long as the radio scans; a device
that is silent for days, as a scale is, is no lost link.
"""

import contextlib

from teleward_drivers.errors import LinkLost, OperationRefused
from teleward_drivers.inbox import Inbox
from teleward_drivers.link import Received
from teleward_drivers.radio import Adapter


class BroadcastLink:
    """Listens to one address; made by `open`."""

    def __init__(self, adapter: Adapter, address: str) -> None:
        self._adapter, self._address = adapter, address
        self._inbox = Inbox()
        self._scan = contextlib.AsyncExitStack()

    @classmethod
    async def open(cls, adapter: Adapter, address: str) -> "BroadcastLink":
        """Listen to ``address``; raises LinkUnavailable when the radio cannot scan."""
        link = cls(adapter, address)
        await link._scan.enter_async_context(adapter.scanning())
        adapter.listen(address, lambda service, data: link._inbox.put(data, service))
        return link

    @property
    def n_overflowed(self) -> int:
        """Pieces thrown away because nobody read."""
        return self._inbox.n_overflowed

    def channels(self) -> frozenset[str]:
        """Return none: a broadcast offers nothing to ask for."""
        return frozenset()

    async def read(self) -> Received:
        """Wait for the next service data."""
        return await self._inbox.get()

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Refuse."""
        raise self._refusal()

    async def subscribe(self, channel: str) -> None:
        """Refuse."""
        raise self._refusal()

    async def request(self, channel: str) -> None:
        """Refuse."""
        raise self._refusal()

    async def close(self) -> None:
        """Stop listening; idempotent."""
        self._adapter.stop_listening(self._address)
        self._inbox.end(LinkLost("closed"))
        await self._scan.aclose()

    def _refusal(self) -> OperationRefused:
        return OperationRefused(f"{self._address} is read by its broadcasts, without a connection")
