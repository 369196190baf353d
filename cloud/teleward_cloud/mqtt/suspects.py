"""The message for which a broker closes the connection without a reason. Pure.

    connection lost twice with the same records unanswered
        -> one message at a time, those records in ever smaller messages
        -> the record that is alone when the connection is closed twice is the culprit

MQTT 3.1.1 has no other way to refuse a message, and MQTT 5 brokers use it too (a topic that NATS
cannot map, a packet beyond a limit). A broken network looks alike at first; but there a connection
also ends without a message on its way, or the broker has acknowledged it, which clears it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil

from teleward_signal.record import RecordId

_LOSSES = 2
"""Connections lost with the same records on their way until messages go one at a time."""
_STRIKES = 2
"""Times that a record alone must end the connection until it is given up."""
Flying = Sequence[Sequence[RecordId]]
"""The records of each message that was unanswered when a connection ended."""


@dataclass(slots=True)
class Suspects:
    """Records under suspicion, over the connections of one sink."""

    records: frozenset[RecordId] = frozenset()
    losses: int = 0
    portion: int | None = None
    _strikes: int = 0

    @property
    def alone(self) -> bool:
        """Whether to send one message at a time."""
        return self.losses >= _LOSSES

    def lost(self, flying: Flying) -> tuple[RecordId, ...]:
        """Take the unanswered messages of a connection that the broker closed.

        Return the record that it does not take, if that is certain now.
        """
        ids = frozenset(found for message in flying for found in message)
        common = self.records & ids
        if not common:
            self.records, self.losses, self.portion, self._strikes = ids, int(bool(ids)), None, 0
            return ()
        was_alone = self.alone
        self.records, self.losses = common, self.losses + 1
        if not was_alone or len(flying) != 1:
            return ()
        if len(flying[0]) > 1:
            self.portion, self._strikes = ceil(len(flying[0]) / 2), 0
            return ()
        self._strikes += 1
        if self._strikes < _STRIKES:
            return ()
        culprit = tuple(flying[0])
        self._clear()
        return culprit

    def acknowledged(self, ids: Collection[RecordId]) -> None:
        """Clear records that the broker has taken."""
        if self.records:
            self.records = self.records.difference(ids)
            if not self.records:
                self._clear()

    def _clear(self) -> None:
        self.records, self.losses, self.portion, self._strikes = frozenset(), 0, None, 0
