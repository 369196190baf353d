"""The ticket of a record that waits for its commit: it resolves to the record's identity."""

import hashlib
from dataclasses import dataclass

from teleward_signal.record import RecordId

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the sender's ``key`` and what was asked, as digests.

    Records of one request are committed together or not at all.
    """

    key: str
    content: str

    @classmethod
    def of(cls, key: str, content: str) -> "Request":
        """Return the request with a sender's ``key`` and its whole ``content``."""
        return cls(_digest(key), _digest(content))


class Ticket:
    """What `Journal.append` returns; ``identity`` is None until the commit is on the disk.

    It stays None for a record that was given up, which `JournalStats.lost` counts, and for one that
    was ``withdrawn``: no commit that begins after that writes it. Waveform blocks that are joined
    into one record share its identity. Tickets of one ``request`` resolve together.
    """

    __slots__ = ("identity", "request", "withdrawn")

    def __init__(self, request: Request | None = None) -> None:
        self.identity: RecordId | None = None
        self.withdrawn = False
        self.request = request


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
