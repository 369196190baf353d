"""The queue between the event loop and the journal's writer: bounded, and honest when full.

    records waiting   0 ......................... 80 % ............ 100 %
                      everything is taken in      waveforms are     the oldest waveform, then
                                                  refused, counted  the oldest record makes room

A queue fills only while the disk refuses to take records; numerics and alarms outlast waveforms.
"""

import threading
from collections import deque

from teleward_gateway.journal.entries import Entry, is_withdrawn
from teleward_gateway.journal.row import is_wave
from teleward_signal.record import RecordKind

WAVEFORM_SHARE = 0.8
_OVERHEAD_BYTES = 500  # an entry with its payload in memory, measured with tracemalloc


class WriteQueue:
    """Entries that wait for the next commit."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records, self._max_bytes = max_records, max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.lost: dict[RecordKind, int] = {}

    def put(self, entry: Entry) -> None:
        """Queue an entry, or count what is lost; never blocks."""
        size = _OVERHEAD_BYTES + len(entry.samples)
        with self._lock:
            if is_wave(entry) and self._filling(size) > WAVEFORM_SHARE:
                self._count_lost(entry)
                return
            while self._entries and self._filling(size) > 1:
                self._give_up_oldest()
            self._entries.append(entry)
            self._bytes += size

    def take(self, max_records: int) -> list[Entry]:
        """Return the oldest entries, up to ``max_records``, and forget them.

        A request whose first entry is among them comes whole.
        """
        with self._lock:
            entries = [self._entries.popleft() for _ in range(min(max_records, len(self._entries)))]
            while entries and self._entries and _are_one(entries[-1], self._entries[0]):
                entries.append(self._entries.popleft())
            self._bytes -= sum(_OVERHEAD_BYTES + len(entry.samples) for entry in entries)
            return entries

    def give_up(self, entry: Entry) -> None:
        """Count an entry that was taken and cannot be written as lost."""
        with self._lock:
            self._count_lost(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def _filling(self, more_bytes: int) -> float:
        return max(
            (len(self._entries) + 1) / self._max_records,
            (self._bytes + more_bytes) / self._max_bytes,
        )

    def _give_up_oldest(self) -> None:
        position = next((i for i, entry in enumerate(self._entries) if is_wave(entry)), 0)
        entry = self._entries[position]
        del self._entries[position]
        self._bytes -= _OVERHEAD_BYTES + len(entry.samples)
        self._count_lost(entry)

    def _count_lost(self, entry: Entry) -> None:
        if is_withdrawn(entry):
            return
        self.lost[entry.kind] = self.lost.get(entry.kind, 0) + 1


def _are_one(first: Entry, second: Entry) -> bool:
    """Return whether two entries belong to one request."""
    requests = {id(t.request) for entry in (first, second) for t in entry.tickets if t.request}
    return len(requests) == 1 and all(t.request for t in (*first.tickets, *second.tickets))
