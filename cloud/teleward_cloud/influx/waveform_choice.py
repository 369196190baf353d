"""Which waveform records go to the database when only those around alarms are wanted.

    before_s        after_s
    |<------------>|<--------------------->|
    ring of held   alarm                    end of the window: the ring again
    records

A waveform record is held until it is older than ``before_s``; an alarm of its subject in that time
releases it. Held records are not acknowledged, so a restart of the gateway loses none of them.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from teleward_signal.model import Presence, Priority
from teleward_signal.record import Record, RecordId, RecordKind

_RING = 4096
"""Most records held: 60 s of one-second blocks of 64 streams; beyond it the oldest go unwritten."""
_WINDOWS = 32
"""Alarm windows remembered a subject; alarms closer together than this share samples anyway."""
_SUBJECTS = 512
"""Subjects whose alarms are remembered, the newest; far more than a gateway serves at a time."""
_IDLE_S = 30.0
"""A stream that has stopped is released after this, so that nothing waits without end."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with a batch: ``released`` names records of ``write`` that were held before."""

    write: list[Record]
    skip: list[RecordId]
    held: list[RecordId]
    released: frozenset[RecordId] = frozenset()


@dataclass(slots=True)
class _Lane:
    """Records held of one subject, live and backlog apart, with the newest time seen."""

    ring: deque[tuple[float, Record]] = field(default_factory=deque)
    newest_ns: int = 0


class AroundAlarms:
    """Choose waveform records by the alarms of their subject; other kinds pass."""

    def __init__(self, before_s: float, after_s: float) -> None:
        self._before_ns = round(before_s * 1e9)
        self._after_ns = round(after_s * 1e9)
        self._lanes: dict[tuple[str | None, bool], _Lane] = {}
        self._windows: dict[str | None, deque[tuple[int, int]]] = {}

    def __len__(self) -> int:
        return sum(len(lane.ring) for lane in self._lanes.values())

    def choose(self, batch: Sequence[Record], *, live: bool, now_s: float) -> Choice:
        """Sort a batch; ``now_s`` is monotonic."""
        choice = Choice([], [], [])
        for record in batch:
            if record.kind is RecordKind.WAVEFORM:
                self._waveform(record, live, now_s, choice)
            else:
                choice.write.append(record)
                if _is_alarm(record):
                    self._open_window(record)
        released = self._release(choice)
        self._drop_stopped(now_s, choice)
        held = {record.id for lane in self._lanes.values() for _, record in lane.ring}
        still = [found for found in choice.held if found in held]
        return Choice(choice.write, choice.skip, still, frozenset(released))

    def _waveform(self, record: Record, live: bool, now_s: float, choice: Choice) -> None:
        lane = self._lanes.setdefault((record.subject, live), _Lane())
        lane.newest_ns = max(lane.newest_ns, record.time_ns)
        if self._in_window(record):
            choice.write.append(record)
        else:
            lane.ring.append((now_s, record))
            choice.held.append(record.id)

    def _open_window(self, alarm: Record) -> None:
        windows = self._windows.pop(alarm.subject, None) or deque(maxlen=_WINDOWS)
        self._windows[alarm.subject] = windows
        while len(self._windows) > _SUBJECTS:
            del self._windows[next(iter(self._windows))]
        windows.append((alarm.time_ns - self._before_ns, alarm.time_ns + self._after_ns))

    def _in_window(self, record: Record) -> bool:
        windows = self._windows.get(record.subject, ())
        return any(start <= record.time_ns <= end for start, end in windows)

    def _release(self, choice: Choice) -> list[RecordId]:
        """Move held records that an alarm of this batch covers to ``choice.write``."""
        new = set(choice.held)
        released: list[RecordId] = []
        for lane in self._lanes.values():
            kept: deque[tuple[float, Record]] = deque()
            for since_s, record in lane.ring:
                if self._in_window(record):
                    choice.write.append(record)
                    if record.id not in new:
                        released.append(record.id)
                else:
                    kept.append((since_s, record))
            lane.ring = kept
        return released

    def _drop_stopped(self, now_s: float, choice: Choice) -> None:
        """Skip what is too old for any alarm to come, what idles, and what exceeds the ring."""
        idle_s = self._before_ns / 1e9 + _IDLE_S
        room = _RING // max(1, len(self._lanes))
        for lane in self._lanes.values():
            while lane.ring and (
                lane.ring[0][1].time_ns < lane.newest_ns - self._before_ns
                or now_s - lane.ring[0][0] > idle_s
                or len(lane.ring) > room
            ):
                choice.skip.append(lane.ring.popleft()[1].id)
        self._lanes = {key: lane for key, lane in self._lanes.items() if lane.ring}


def _is_alarm(record: Record) -> bool:
    return (
        record.kind is RecordKind.ALARM
        and record.payload.get("presence") == Presence.ON
        and record.payload.get("priority") != Priority.INFO
    )
