"""The pairing desk: which device may pair, and the passkey that a person reads off its display.

A radio's pairing agent (BlueZ's, or the virtual radio's) asks here. Only commissioned devices may
pair; everything else is refused without a question, so a stranger cannot make the page ask.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from teleward_signal.errors import Invalid, NotFound

ANSWER_S = 30.0
"""The pairing protocol gives up after 30 s without a step (Core specification Vol 3 Part H 3.4)."""

LARGEST_PASSKEY = 999_999


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """A device that waits for its passkey; ``until_ns`` is UTC of when it will give up.

    ``digits`` are to be typed on the device itself; None when the device shows them.
    """

    address: str
    device: str
    since_ns: int
    until_ns: int
    digits: str | None = field(default=None, repr=False)


class PairingDesk:
    """Pairing requests of one event loop; ``device_at`` maps an address to its commissioned device,
    ``known_passkey`` the passkey that is printed on it, if any."""

    def __init__(
        self,
        device_at: Callable[[str], str | None],
        known_passkey: Callable[[str], int | None] = lambda device: None,
    ) -> None:
        self._device_at, self._known_passkey = device_at, known_passkey
        self._open: dict[str, tuple[PairingRequest, asyncio.Future[int]]] = {}
        self._shown: dict[str, PairingRequest] = {}
        self.n_refused = 0

    def health(self) -> dict[str, Any]:
        """Return how many pairings were refused."""
        return {"pairings_refused_total": self.n_refused}

    def allow(self, address: str) -> bool:
        """Return whether the device at ``address`` may pair."""
        if self._device_at(address) is not None:
            return True
        self.n_refused += 1
        return False

    async def passkey(self, address: str) -> int | None:
        """Wait for a person to type the passkey; None when refused or nobody did."""
        device = self._device_at(address)
        if device is None:
            self.n_refused += 1
            return None
        if (known := self._known_passkey(device)) is not None:
            return known
        request = _request(address, device)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._open[request.address] = (request, answer)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            if self._open.get(request.address, (None, None))[1] is answer:
                del self._open[request.address]

    def requests(self) -> list[PairingRequest]:
        """Return who waits."""
        now_ns = time.time_ns()
        self._shown = {a: shown for a, shown in self._shown.items() if shown.until_ns > now_ns}
        return [*(request for request, _ in self._open.values()), *self._shown.values()]

    def show(self, address: str, digits: str) -> None:
        """Show digits that are to be typed on the commissioned device at ``address``."""
        device = self._device_at(address)
        if device is not None:
            self._shown[address.upper()] = _request(address, device, digits)

    def cancel(self) -> None:
        """Take shown digits back: the device or the radio ended the pairing."""
        self._shown.clear()

    def answer(self, address: str, passkey: int) -> None:
        """Give a passkey; raises LookupError when nobody waits, ValueError when it is none."""
        if not 0 <= passkey <= LARGEST_PASSKEY:
            raise Invalid(f"a passkey has six digits, not {passkey}")
        waiting = self._open.get(address.upper())
        if waiting is None or waiting[1].done():
            raise NotFound(f"no device at {address} waits for a passkey: start pairing again")
        waiting[1].set_result(passkey)


def _request(address: str, device: str, digits: str | None = None) -> PairingRequest:
    now_ns = time.time_ns()
    until_ns = now_ns + int(ANSWER_S * 1e9)
    return PairingRequest(address.upper(), device, now_ns, until_ns, digits)
