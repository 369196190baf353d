"""Who has been given what: the places of all sinks in the journal; thread-safe."""

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.sinks import SinkState
from teleward_gateway.journal.store import FIRST_SINK
from teleward_signal.record import Record, RecordId, RecordKind

FREEZE_AHEAD = 10_000  # some 20 s of a ward: one extra commit in that time while time is a guess


@dataclass(frozen=True, slots=True)
class DueProgress:
    """State documents to write, new dead letters, and those that are pending again."""

    states: dict[int, dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    reopened: list[tuple[str, int]]


class SinkProgress:
    """The states of the sinks, changed from the event loop and written by the writer."""

    def __init__(self) -> None:
        self._sinks: dict[str, SinkState] = {}
        self._changed: set[int] = set()
        self._dead_letters: list[dict[str, Any]] = []
        self._reopened: list[tuple[str, int]] = []
        self._next = 1
        self._lock = threading.Lock()

    def load(self, states: dict[int, dict[str, Any]], next_number: int) -> None:
        """Take over what was on disk; sinks that are known already keep what they know."""
        with self._lock:
            self._next = max(self._next, next_number)
            for key, document in states.items():
                if key >= FIRST_SINK and document["name"] not in self._sinks:
                    state = SinkState.from_document(key, document, next_number)
                    self._sinks[state.name] = state
            # after a repair or a late first opening the file lacks what memory knows
            self._changed = {state.key for state in self._sinks.values()}

    def add(
        self, sink: str, kinds: frozenset[RecordKind], next_number: int, from_now: bool
    ) -> None:
        """Make a sink active, new or known; its backlog is counted later."""
        with self._lock:
            state = self._sinks.get(sink)
            if state is None:
                key = 1 + max((s.key for s in self._sinks.values()), default=FIRST_SINK)
                state = SinkState(sink, key, kinds)
                if from_now:
                    state.done.add(1, next_number)
                self._sinks[sink] = state
            state.kinds, state.active = kinds, True
            state.begin_count(next_number)
            self._changed.add(state.key)

    def retire(self, sink: str) -> None:
        """Stop counting a sink that is no longer configured; its place is kept."""
        with self._lock:
            self._sinks[sink].active = False

    def uncounted(self, sink: str) -> tuple[int, int] | None:
        """Return the next range of a sink's backlog that is not counted yet."""
        with self._lock:
            return self._sinks[sink].uncounted()

    def add_backlog(self, sink: str, count: int, through: int) -> None:
        """Count the records found in the range of `uncounted`, below ``through``."""
        with self._lock:
            self._sinks[sink].add_count(count, through)

    def ranges(self, sink: str) -> list[tuple[int, int]]:
        """Return the numbers done for a sink."""
        with self._lock:
            return list(self._sinks[sink].done)

    def acknowledge(self, sink: str, ids: Iterable[RecordId]) -> None:
        """Remember that the server has these records."""
        with self._lock:
            state = self._sinks[sink]
            state.acknowledged += sum(state.acknowledge(i.seq + i.part) for i in ids)
            self._changed.add(state.key)

    def dead_letter(self, sink: str, identity: RecordId, reason: str, time_ns: int) -> None:
        """Remember that the server will never take this record."""
        with self._lock:
            state = self._sinks[sink]
            if state.acknowledge(identity.seq + identity.part):
                state.dead_letter += 1
                self._dead_letters.append(
                    {"sink": sink, **asdict(identity), "reason": reason, "time_ns": time_ns}
                )
            self._changed.add(state.key)

    def retry(self, sink: str, numbers: Iterable[int]) -> int:
        """Make dead letters of a sink pending again; return how many were."""
        wanted = set(numbers)
        with self._lock:
            state = self._sinks[sink]
            reopened = [number for number in sorted(wanted) if state.reopen(number)]
            self._dead_letters = [
                letter
                for letter in self._dead_letters
                if letter["sink"] != sink or letter["seq"] + letter["part"] not in wanted
            ]
            self._reopened += [(sink, number) for number in wanted]
            self._changed.add(state.key)
            return len(reopened)

    def settle(self, sink: str, after: int, through: int, pending: Ranges) -> None:
        """Mark numbers above ``after`` up to ``through`` done, except those still ``pending``."""
        with self._lock:
            state = self._sinks[sink]
            for start, stop in list(pending.gaps(after + 1, through + 1)):
                state.done.add(start, stop)
            if state.counted and state.low == self._next:
                state.pending = 0  # what was damaged since it was counted is owed no more
            self._changed.add(state.key)

    def first_pending(self, sink: str, held: Ranges, stop: int) -> tuple[int, int] | None:
        """Return the first range below ``stop`` that is neither done nor ``held``."""
        with self._lock:
            for start, end in self._sinks[sink].done.gaps(1, stop):
                found = next(held.gaps(start, end), None)
                if found:
                    return found
        return None

    def freeze(self, sink: str, numbers: Iterable[int], known: int) -> bool:
        """Pin the unconfirmed time that records are sent with; return whether to write it."""
        with self._lock:
            state = self._sinks[sink]
            if not state.freeze(numbers, known, FREEZE_AHEAD):
                return False
            self._changed.add(state.key)
            return True

    def known_at(self, sink: str, numbers: Iterable[int]) -> dict[int, int]:
        """Return for frozen records how many corrections their time has for a sink."""
        with self._lock:
            state = self._sinks[sink]
            if not state.frozen:
                return {}
            found = {number: state.known_at(number) for number in numbers}
        return {number: known for number, known in found.items() if known is not None}

    def committed(self, records: Iterable[Record]) -> None:
        """Count new records as pending."""
        with self._lock:
            for record in records:
                self._next = record.id.seq + record.id.part + 1
                for state in self._sinks.values():
                    if record.kind in state.kinds:
                        state.pending += 1

    def thaw(self) -> None:
        """After a correction of the clock: what was not sent yet goes out corrected."""
        with self._lock:
            for state in self._sinks.values():
                state.thaw()

    def delivered(self, start: int, stop: int) -> bool:
        """Return whether every active sink is done with a range; without sinks none is."""
        with self._lock:
            active = [state for state in self._sinks.values() if state.active]
            return bool(active) and all(state.done.covers(start, stop) for state in active)

    def delivered_ranges(self) -> Ranges:
        """Return what every active sink is done with; without sinks nothing."""
        with self._lock:
            active = [state.done for state in self._sinks.values() if state.active]
            found = Ranges(active[0] if active else ())
        for done in active[1:]:
            found.keep(done)
        return found

    def give_up(self, records: Iterable[tuple[int, RecordKind]]) -> int:
        """Take deleted records off the backlog; return how many some sink did not have."""
        missed = 0
        with self._lock:
            active = [state for state in self._sinks.values() if state.active]
            for number, kind in records:
                missing = [s for s in active if kind in s.kinds and number not in s.done]
                missed += bool(missing)
                for state in missing:
                    state.acknowledge(number)
                    self._changed.add(state.key)
        return missed

    def due(self) -> DueProgress:
        """Return the documents to write and the changes of dead letters, and forget them."""
        with self._lock:
            changed = [s for s in self._sinks.values() if s.key in self._changed]
            dead_letters, self._dead_letters = self._dead_letters, []
            reopened, self._reopened = self._reopened, []
            self._changed.clear()
            states = {state.key: state.to_document() for state in changed}
            return DueProgress(states, dead_letters, reopened)

    def put_back(
        self,
        keys: Iterable[int],
        dead_letters: list[dict[str, Any]],
        reopened: list[tuple[str, int]],
    ) -> None:
        """Return what could not be written."""
        with self._lock:
            self._changed.update(key for key in keys if key >= FIRST_SINK)
            self._dead_letters = [*dead_letters, *self._dead_letters]
            self._reopened = [*reopened, *self._reopened]

    def active(self) -> list[SinkState]:
        """Return the configured sinks whose backlog is counted."""
        with self._lock:
            return [state for state in self._sinks.values() if state.active and state.counted]
