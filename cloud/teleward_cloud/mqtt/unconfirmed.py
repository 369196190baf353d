"""Records that a broker took and no collector has confirmed yet (pure; ``now_s`` is monotonic).

published --> waiting --confirmed--> stored  -> acknowledged
                 |  \\--refused----> refused -> rejected
                 \\--too long------> expired -> forgotten, sent again
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from teleward_cloud.sink import Delivery, Rejected
from teleward_signal.record import RecordId

MOST = 20_000
"""Records in flight between gateway and database: 2 s of a backlog at full speed, about 5 MB."""


@dataclass(slots=True)
class Unconfirmed:
    """The records in flight; ``timeout_s`` is how long a confirmation may take.

    Each attempt has one deadline: that of an attempt which failed, or was answered, is void.
    """

    timeout_s: float
    _waiting: dict[RecordId, float] = field(default_factory=dict)
    _deadlines: deque[tuple[float, tuple[RecordId, ...]]] = field(default_factory=deque)
    _stored: list[RecordId] = field(default_factory=list)
    _refused: list[Rejected] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._waiting)

    def published(self, ids: Sequence[RecordId], now_s: float) -> None:
        """Take in what is being published; the confirmation may come before the PUBACK."""
        deadline_s = now_s + self.timeout_s
        self._waiting.update(dict.fromkeys(ids, deadline_s))
        self._deadlines.append((deadline_s, tuple(ids)))

    def failed(self, ids: Sequence[RecordId]) -> None:
        """Forget what the broker did not take."""
        for found in ids:
            self._waiting.pop(found, None)

    def answered(self, answers: Mapping[RecordId, str | None]) -> None:
        """Take a collector's confirmation; what nobody waits for is ignored."""
        for found, refusal in answers.items():
            if found not in self._waiting:
                continue
            del self._waiting[found]
            if refusal is None:
                self._stored.append(found)
            else:
                self._refused.append(Rejected(found, refusal))

    def settle(self, published: Sequence[RecordId], now_s: float) -> Delivery:
        """Return what became of all records since the last call; ``published`` are new."""
        expired: list[RecordId] = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            deadline_s, ids = self._deadlines.popleft()
            late = [found for found in ids if self._waiting.get(found) == deadline_s]
            self.failed(late)
            expired += late
        stored, self._stored = self._stored, []
        refused, self._refused = self._refused, []
        held = tuple(found for found in published if found in self._waiting)
        error = f"no collector confirmed {len(expired)} records in time" if expired else None
        return Delivery(tuple(stored), tuple(refused), held, tuple(expired), error=error)
