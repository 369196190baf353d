"""A day's budget of traffic: what a gateway leaves out when the network costs too much. Pure.

    level   waveforms   values                  alarms, clock, rhythm changes
    0       sent        each                    sent
    1       left out    each                    sent
    2       left out    each stream every 10 s  sent; marks of single beats are left out

What is left out stays in the journal and is counted; it is not sent later. An allowance grows with
time and pays for what is sent; the level rises when it runs out or the measured rate exceeds it,
and falls when the next better level would fit for ten minutes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import exp

from teleward_signal.record import Record, RecordId, RecordKind

OVERHEAD_BYTES = 120
"""IP, TCP and TLS of a message and of its acknowledgement."""
SPARSE_S = 10
_STATUS_S = 60
_DAY_S = 86_400.0
_HOUR_S = 3600.0
_MEAN_S = 60.0
"""Time over which rates are averaged: a ward's mixture repeats within it."""
_LEARN_S = 30.0
"""Time until the rate of a level is believed."""
_START_S = 600.0
"""The allowance at the start, in seconds of the budget."""
_CALM_S = 600.0
_MARGIN = 0.9
_MOST_STREAMS = 8192


class Level(IntEnum):
    """What is left out."""

    FULL = 0
    NO_WAVEFORMS = 1
    SPARSE = 2


NOTICES = {
    Level.FULL: None,
    Level.NO_WAVEFORMS: "waveforms are not sent",
    Level.SPARSE: f"waveforms are not sent, values every {SPARSE_S} s",
}


@dataclass(slots=True)
class _Mean:
    """A rate as an exponential mean over `_MEAN_S`, true from the first amount on."""

    _sum: float = 0.0
    _weight: float = 0.0

    def add(self, amount: float, elapsed_s: float) -> None:
        """Take in an amount that came in ``elapsed_s``."""
        keep = exp(-elapsed_s / _MEAN_S)
        self._sum = self._sum * keep + amount
        self._weight = self._weight * keep + elapsed_s

    @property
    def per_s(self) -> float:
        """The mean rate."""
        return self._sum / self._weight if self._weight else 0.0


@dataclass(slots=True)
class Budget:
    """The budget of one sink; ``now_s`` is monotonic."""

    mb_per_day: float
    level: Level = Level.FULL
    thinned: int = 0
    _since_s: float | None = None
    _at_s: float = 0.0
    _allowance: float = 0.0
    _fits_since_s: float | None = None
    _waves: _Mean = field(default_factory=_Mean)
    _records: _Mean = field(default_factory=_Mean)
    _bytes: _Mean = field(default_factory=_Mean)
    _sent: _Mean = field(default_factory=_Mean)
    _pending: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0, 0.0])
    _slots: dict[Hashable, object] = field(default_factory=dict)

    @property
    def bytes_per_s(self) -> float:
        """The rate that the budget allows."""
        return self.mb_per_day * 1e6 / _DAY_S

    @property
    def notice(self) -> str | None:
        """What is left out now, ``None`` when nothing is."""
        text = NOTICES[self.level]
        return None if text is None else f"network budget of {self.mb_per_day:g} MB a day: {text}"

    def choose(
        self, records: Sequence[Record], *, live: bool, now_s: float
    ) -> tuple[list[Record], list[RecordId]]:
        """Return what to send and what to leave out."""
        self._update(now_s)
        wanted: list[Record] = []
        left_out: list[RecordId] = []
        for record in records:
            is_wave = record.kind is RecordKind.WAVEFORM
            self._pending[0 if is_wave else 1] += len(record.samples) if is_wave else 1
            if self._is_sent(record, live):
                wanted.append(record)
            else:
                left_out.append(record.id)
        self.thinned += len(left_out)
        return wanted, left_out

    def spent(self, n_bytes: int, n_messages: int, n_records: int) -> None:
        """Take in what was sent."""
        cost = n_bytes + OVERHEAD_BYTES * n_messages
        self._allowance -= cost
        self._pending[2] += cost
        self._pending[3] += n_records

    def _is_sent(self, record: Record, live: bool) -> bool:
        kind, payload = record.kind, record.payload
        if self.level is Level.FULL or kind in (RecordKind.ALARM, RecordKind.CLOCK):
            return True
        if kind is RecordKind.WAVEFORM:
            return False
        if self.level is not Level.SPARSE:
            return True
        # by arrival: streams of one second share a message
        slot: object = record.monotonic_ns // (SPARSE_S * 1_000_000_000)
        key: tuple[Hashable, ...] = (live, kind, record.subject, record.device, record.metric)
        if kind is RecordKind.DEVICE:
            faults = payload.get("faults") or ()
            minute = record.monotonic_ns // (_STATUS_S * 1_000_000_000)
            slot = (minute, payload.get("state"), *faults)
        elif kind is RecordKind.ANNOTATION:
            return bool(payload.get("label"))  # a change of rhythm; single beats are left out
        elif payload.get("group") or payload.get("author"):
            return True  # a cuff's reading, or what a person charted
        return self._is_new_slot(key, slot)

    def _is_new_slot(self, key: Hashable, slot: object) -> bool:
        if self._slots.get(key) == slot:
            return False
        if len(self._slots) >= _MOST_STREAMS:
            self._slots.clear()
        self._slots[key] = slot
        return True

    def _update(self, now_s: float) -> None:
        """Take the time since the last batch into the means, and choose the level."""
        if self._since_s is None:
            self._since_s = self._at_s = now_s
            self._allowance = self.bytes_per_s * _START_S
            return
        elapsed_s = now_s - self._at_s
        if elapsed_s < 0.5:
            return
        self._at_s = now_s
        means = (self._waves, self._records, self._bytes, self._sent)
        for mean, amount in zip(means, self._pending, strict=True):
            mean.add(amount, elapsed_s)
        self._pending = [0.0, 0.0, 0.0, 0.0]
        earned = self.bytes_per_s * elapsed_s
        self._allowance = min(self.bytes_per_s * _HOUR_S, self._allowance + earned)
        if now_s - self._since_s >= _LEARN_S:
            self._choose_level(now_s)

    def _choose_level(self, now_s: float) -> None:
        too_much = self._bytes.per_s > self.bytes_per_s or self._allowance < 0
        if too_much:
            self._fits_since_s = None
            if self.level < Level.SPARSE:
                self._change(Level(self.level + 1), now_s)
        elif self.level > Level.FULL and self._better_rate() < _MARGIN * self.bytes_per_s:
            self._fits_since_s = now_s if self._fits_since_s is None else self._fits_since_s
            if now_s - self._fits_since_s >= _CALM_S:
                self._change(Level(self.level - 1), now_s)
        else:
            self._fits_since_s = None

    def _change(self, level: Level, now_s: float) -> None:
        """Begin a level: its rate is measured from now on."""
        self.level, self._since_s, self._fits_since_s = level, now_s, None
        self._bytes, self._sent = _Mean(), _Mean()

    def _better_rate(self) -> float:
        """Return about what the next better level would cost a second."""
        each = self._bytes.per_s / max(self._sent.per_s, 1e-3)
        if self.level is Level.SPARSE:
            return self._records.per_s * min(each, 60.0) + OVERHEAD_BYTES
        return self._bytes.per_s + self._waves.per_s
