"""Waveform blocks as stretches without a hole: what goes into one file of a format of signals.

    blocks of II   |----|----|----|      |----|----|
    blocks of V1   |----|----|----|      |----|----|       one device, one rate, the same moments
    stretches      |======A=======|      |====B====|       II and V1 in each

Signals share a stretch when one device sent them at one rate with the same times. A lost sample, a
change of rate or scale, a step of the clock and a signal that begins or ends each begin another
stretch. Where the measured time bends away from the stretch's own rate by `MOST_BEND_NS`, another
begins too, without a hole.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from teleward_cloud.exports.tables import DTYPES
from teleward_signal.record import Record
from teleward_signal.vocabulary import METRICS

Counts = NDArray[np.int32]
NS = 1_000_000_000
JOINED_NS = 20_000_000
"""Blocks less apart are one run: the time base is smoothed, it bends by less."""
LATE_NS = 10_000_000_000
"""A stream that sent nothing for so long has ended; twice the longest commit."""
GRID_NS = 500_000
"""Signals of one device whose samples are less apart than this were taken together."""
TRUE_NS = 1_000_000
"""The rate that a device states holds when no block is further from it than this."""
MOST_BEND_NS = 20_000_000
SETTLED = 30_720
"""Samples of a stretch that wait until its rate is measured: two minutes at 250 Hz."""
_ORDER = {name: place for place, name in enumerate(METRICS)}


class Channel(NamedTuple):
    """One signal of a stretch: value = count * scale + offset, in the unit of the metric."""

    metric: str
    device: str | None
    fs: float
    scale: float
    offset: float
    dtype: str


@dataclass(slots=True)
class Stretch:
    """Samples of some channels without a hole, ``period_ns`` apart from ``start_ns`` on.

    ``total`` is the number of samples of each channel where it is known from the begin.
    """

    channels: tuple[Channel, ...]
    start_ns: int
    period_ns: float
    total: int | None = None
    done: int = 0

    def time_ns(self, position: float) -> int:
        """Return the time of a sample, UTC ns."""
        return self.start_ns + round(position * self.period_ns)


class StretchWriter(Protocol):
    """What takes stretches; more than one may be open at a time."""

    def begin_stretch(self, stretch: Stretch) -> None:
        """Take a stretch that begins."""
        ...

    def samples(self, stretch: Stretch, counts: Counts) -> None:
        """Take its next samples, shape (n_channels, n); ``stretch.done`` are before them."""
        ...

    def end(self, stretch: Stretch) -> None:
        """Take the end of a stretch; ``stretch.done`` is its length."""
        ...

    def gap(self, channel: Channel, from_ns: int, to_ns: int) -> None:
        """Take a hole of one signal; with ``to_ns`` earlier the clock was set back."""
        ...


class _Piece(NamedTuple):
    time_ns: int
    counts: Counts


@dataclass(slots=True, eq=False)
class _Run:
    """Blocks of one signal that follow each other; ``pieces`` are not written yet."""

    channel: Channel
    index: int | None
    end_ns: int
    pieces: deque[_Piece] = field(default_factory=deque)
    waiting: int = 0
    ended: bool = False

    @property
    def next_ns(self) -> int:
        """The time of the first sample that is not written."""
        return self.pieces[0].time_ns if self.pieces else self.end_ns

    def follows(self, channel: Channel, time_ns: int, index: int | None) -> bool:
        apart_ns = abs(time_ns - self.end_ns)
        if channel != self.channel or apart_ns >= JOINED_NS:
            return False
        if index is not None and index == self.index:
            return True
        return apart_ns < 0.5 * NS / channel.fs

    def add(self, time_ns: int, index: int | None, counts: Counts) -> None:
        self.pieces.append(_Piece(time_ns, counts))
        self.waiting += len(counts)
        self.index = None if index is None else index + len(counts)
        self.end_ns = time_ns + round(len(counts) * NS / self.channel.fs)

    def take(self, n: int) -> Counts:
        """Return the next ``n`` samples."""
        taken = []
        self.waiting -= n
        while n:
            time_ns, counts = self.pieces.popleft()
            if len(counts) > n:
                rest_ns = time_ns + round(n * NS / self.channel.fs)
                self.pieces.appendleft(_Piece(rest_ns, counts[n:]))
                counts = counts[:n]
            taken.append(counts)
            n -= len(counts)
        return taken[0] if len(taken) == 1 else np.concatenate(taken)


class Splitter:
    """Makes stretches of waveform records, which come in order of time."""

    def __init__(self, writer: StretchWriter) -> None:
        self._writer = writer
        self._runs: dict[tuple[str, str | None], list[_Run]] = {}
        self._reached: dict[tuple[str, str | None], int] = {}
        self._lanes: dict[tuple[str | None, float, str], list[_Lane]] = {}

    def take(self, record: Record) -> bool:
        """Take one waveform record; return whether it can be placed."""
        known = record.payload
        dtype, fs = str(known.get("dtype")), known.get("fs")
        if record.metric is None or dtype not in DTYPES or not fs or not fs > 0:
            return False
        counts = np.frombuffer(record.samples, DTYPES[dtype]).astype(np.int32, copy=False)
        if not len(counts):
            return False
        scale, offset = float(known.get("scale") or 1.0), float(known.get("offset") or 0.0)
        channel = Channel(record.metric, record.device, float(fs), scale, offset, dtype)
        run = self._run_of(channel, record.time_ns, known.get("index"), known.get("gap_samples"))
        run.add(record.time_ns, known.get("index"), counts)
        key = (channel.metric, channel.device)
        self._reached[key] = max(self._reached.get(key, run.end_ns), run.end_ns)
        return True

    def advance(self, now_ns: int) -> None:
        """Write what is known once all records up to ``now_ns`` were taken."""
        for key, runs in self._runs.items():
            for run in runs:
                run.ended = run.ended or run.end_ns + LATE_NS < now_ns
            self._runs[key] = [run for run in runs if not run.ended]
        for lanes in self._lanes.values():
            for lane in lanes:
                lane.flush(now_ns)

    def finish(self) -> None:
        """Write the rest: no record comes any more."""
        for runs in self._runs.values():
            for run in runs:
                run.ended = True
        for lanes in self._lanes.values():
            for lane in lanes:
                lane.flush(None)

    def pending_ns(self, now_ns: int) -> int:
        """Return the time before which every sample has been written, UTC ns."""
        times = [lane.pending_ns(now_ns) for lanes in self._lanes.values() for lane in lanes]
        return min(times, default=now_ns)

    def _run_of(
        self, channel: Channel, time_ns: int, index: int | None, gap_samples: int | None
    ) -> _Run:
        key = (channel.metric, channel.device)
        runs = self._runs.setdefault(key, [])
        if not gap_samples:
            for run in runs:
                if run.follows(channel, time_ns, index):
                    return run
        reached = self._reached.get(key)
        if reached is not None and abs(time_ns - reached) > 0.5 * NS / channel.fs:
            self._writer.gap(channel, reached, time_ns)
        for run in runs:
            run.ended = run.ended or run.end_ns <= time_ns
        run = _Run(channel, index, time_ns)
        runs.append(run)
        self._lane_for(channel, time_ns).runs.append(run)
        return run

    def _lane_for(self, channel: Channel, time_ns: int) -> "_Lane":
        lanes = self._lanes.setdefault((channel.device, channel.fs, channel.dtype), [])
        for lane in lanes:
            if lane.fits(channel, time_ns):
                return lane
        lanes.append(_Lane(self._writer, channel.fs))
        return lanes[-1]


class _Lane:
    """Signals of one device and rate on one grid of times; at most one stretch is open."""

    def __init__(self, writer: StretchWriter, fs: float) -> None:
        self.runs: list[_Run] = []
        self._writer, self._nominal_ns = writer, NS / fs
        self._members: list[_Run] = []
        self._stretch: Stretch | None = None
        self._buffer: list[Counts] | None = None
        self._marks: list[tuple[int, int]] = []

    def fits(self, channel: Channel, time_ns: int) -> bool:
        """Return whether a signal that begins then can share stretches of this lane."""
        going = [run for run in self.runs if not (run.ended and run.end_ns <= time_ns)]
        if not going:
            return True
        if any(run.channel.metric == channel.metric for run in going):
            return False
        steps = (time_ns - going[0].next_ns) / self._nominal_ns
        return steps > -1 and abs(steps - round(steps)) * self._nominal_ns < GRID_NS

    def pending_ns(self, now_ns: int) -> int:
        """Return the time from which on samples may still be written."""
        times = [run.next_ns for run in self.runs if run.pieces]
        if self._stretch is not None:
            settled = self._buffer is None
            times.append(self._stretch.time_ns(self._stretch.done if settled else 0))
        return min(times, default=now_ns)

    def flush(self, now_ns: int | None) -> None:
        """Write up to ``now_ns``; None: everything."""
        while self._step(now_ns):
            pass

    def _step(self, now_ns: int | None) -> bool:
        """Write the next piece; return whether there may be more."""
        if self._stretch is None and not self._open(now_ns):
            return False
        stretch, first = self._stretch, self._members[0]
        assert stretch is not None
        if first.pieces and self._bends(stretch, first.pieces[0].time_ns):
            return self._close()
        limit = min(run.waiting for run in self._members)
        if first.pieces:  # one block at a time: each has a time to look at
            limit = min(limit, len(first.pieces[0].counts))
        if now_ns is not None:
            # whole samples before now: a mark that comes later lies behind them
            limit = min(limit, int((now_ns - first.next_ns) // self._nominal_ns))
        cut = self._joining(first.next_ns)
        if cut is not None:
            limit = min(limit, cut)
        if limit > 0:
            self._write(stretch, limit)
            return True
        is_over = cut == 0 or any(run.ended and not run.waiting for run in self._members)
        return self._close() if is_over else False

    def _open(self, now_ns: int | None) -> bool:
        """Begin a stretch at the earliest sample, once all signals that begin with it are here."""
        self.runs = [run for run in self.runs if run.waiting or not run.ended]
        ready = [run for run in self.runs if run.waiting]
        if not ready:
            return False
        start_ns = min(run.next_ns for run in ready)
        if now_ns is not None and now_ns <= start_ns:
            return False
        members = [run for run in ready if run.next_ns - start_ns < GRID_NS]
        members.sort(key=lambda run: (_ORDER.get(run.channel.metric, 999), run.channel.metric))
        self._members = members
        channels = tuple(run.channel for run in members)
        self._stretch = Stretch(channels, start_ns, self._nominal_ns)
        self._buffer, self._marks = [], []
        return True

    def _joining(self, next_ns: int) -> int | None:
        """Return after how many samples another signal begins; None: none does yet."""
        waiting = [run for run in self.runs if run.waiting and run not in self._members]
        if not waiting:
            return None
        steps = min(run.next_ns for run in waiting) - next_ns
        return max(0, round(steps / self._nominal_ns))

    def _bends(self, stretch: Stretch, time_ns: int) -> bool:
        """Return whether the next block lies away from where the stretch has it."""
        if self._buffer is not None:
            return False
        return abs(time_ns - stretch.time_ns(stretch.done)) > MOST_BEND_NS

    def _write(self, stretch: Stretch, n: int) -> None:
        self._marks.append((stretch.done, self._members[0].next_ns))
        counts = np.stack([run.take(n) for run in self._members])
        if self._buffer is None:
            self._writer.samples(stretch, counts)
            self._marks.clear()
        else:
            self._buffer.append(counts)
        stretch.done += n
        if self._buffer is not None and stretch.done * len(self._members) >= SETTLED:
            self._settle(stretch, None)

    def _settle(self, stretch: Stretch, total: int | None) -> None:
        """Fix the rate and hand over what has waited."""
        assert self._buffer is not None
        stretch.period_ns = self._measured(stretch)
        stretch.total, stretch.done = total, 0
        buffer, self._buffer = self._buffer, None
        self._marks.clear()
        self._writer.begin_stretch(stretch)
        for counts in buffer:
            self._writer.samples(stretch, counts)
            stretch.done += counts.shape[1]

    def _measured(self, stretch: Stretch) -> float:
        """Return the stated period where it holds, else the one that the blocks show."""
        apart = [abs(time - stretch.time_ns(place)) for place, time in self._marks]
        place, time = self._marks[-1]
        if max(apart) <= TRUE_NS or not place:
            return self._nominal_ns
        return (time - stretch.start_ns) / place

    def _close(self) -> bool:
        stretch = self._stretch
        assert stretch is not None
        if self._buffer is not None:
            self._settle(stretch, stretch.done)
        self._writer.end(stretch)
        self._stretch, self._members = None, []
        return True
