"""The newest records in memory, so that sinks which keep up never read the disk."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from teleward_signal.record import Record


class RowCache:
    """Rows by their first number, the newest up to a number of records; thread-safe."""

    def __init__(self, max_records: int) -> None:
        self._max = max_records
        self._rows: OrderedDict[int, list[Record]] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def put(self, records: Iterable[Record]) -> None:
        """Add the records of whole rows, in order."""
        with self._lock:
            for record in records:
                self._rows.setdefault(record.id.seq, []).append(record)
                self._held += 1
            while self._held > self._max and self._rows:
                _, dropped = self._rows.popitem(last=False)
                self._held -= len(dropped)

    def get(self, seq: int) -> Sequence[Record] | None:
        """Return the records of the row that begins with ``seq`` if they are held."""
        with self._lock:
            return self._rows.get(seq)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._rows.clear()
            self._held = 0
