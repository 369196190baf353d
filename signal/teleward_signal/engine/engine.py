"""The signal engine: blocks of every subject's waveforms in, beats, numerics and quality out.

    push(handle, time, samples) ... process(now) -> [(subject, Measurement | Annotation), ...]

Streams of one kind and one rate share a bank, so a tick costs one compiled call per kind and rate,
however many subjects there are. The engine reads no clock, starts no thread and does no I/O; it is
meant to be called from one thread.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.bank import EVENT_DTYPE, Bank, EventKind, Reason
from teleward_signal.banks.containment import Counts, process_each
from teleward_signal.banks.stream_clock import StreamClock
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.engine.arrival_pairs import Arrivals
from teleward_signal.engine.kinds import Kind, kind_of
from teleward_signal.engine.messages import message_of
from teleward_signal.engine.warm import Progress, warm
from teleward_signal.model import Annotation, Measurement

_TAKEN = struct.Struct("<q")
"""Samples that the bank has taken, at the head of a snapshot."""
Output = tuple[str, Measurement | Annotation]
AT_ONCE = 4096
"""Samples of a stream that one call of a kernel gets: the time of a long gap is many of them, and
work space of that length for every stream stayed for good (160 MB for ten minutes of 64 beds)."""
ABSURD = 1e9
"""No unit of any waveform reaches this: such a sample is lost, as one that is not finite."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Engine options, fixed at the start.

    ``quality_floor``: numerics of a stream whose quality is below it are withheld.
    ``rates_hz``: rates expected, so that their banks exist before the first device connects.
    ``options``: extra arguments of a bank's constructor by kind, such as ``{"ppg": {...}}``.
    """

    quality_floor: float = 0.4
    rates_hz: tuple[float, ...] = (125.0, 250.0)
    options: dict[str, dict[str, object]] = field(default_factory=dict)


class Engine:
    """Streams in, messages out; see the module text."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.config = config or EngineConfig()
        self._banks: dict[tuple[Kind, float], _SharedBank] = {}
        self._streams: dict[int, _Stream] = {}
        self._arrivals = Arrivals()
        self._failed: dict[int, Exception] = {}
        self._bounds: dict[str, tuple[float, float]] = {}
        self._next_handle = 1

    def warm(self, progress: Progress | None = None, others: Sequence[str] = ()) -> None:
        """Compile or load every kernel, reporting to ``progress(what, share done)``.

        Those of `DerivedBreathing`, `Oximetry` and `AnomalyWatch`, which work beside an engine, are
        included. ``others``: see `warm.warm`.
        """
        warm(self.config.rates_hz[0], self.config.options, progress, others)

    @staticmethod
    def analyses(metric: str) -> bool:
        """Return whether there is an analysis for this metric."""
        return kind_of(metric) is not None

    def open_stream(self, subject: str, metric: str, fs: float, clock: str = "") -> int:
        """Begin a stream of ``metric`` at ``fs`` Hz and return its handle.

        ``clock`` names whose clock its times come from: pulse arrival times are told where ECG and
        PPG of a subject share one.
        """
        kind = kind_of(metric)
        if kind is None:
            raise ValueError(f"no analysis for metric {metric!r}; ask Engine.analyses() first")
        key = (kind, float(fs))
        if key not in self._banks:
            self._drop_unused()
            self._banks[key] = _SharedBank(kind.make_bank(fs, 1, self.config.options))
            # the order of a subject's messages depends on nobody else's streams
            self._banks = dict(sorted(self._banks.items(), key=_bank_order))
        shared = self._banks[key]
        handle = self._next_handle
        self._next_handle += 1
        slot = shared.take(handle)
        stream = _Stream(handle, subject, metric, kind, shared, slot, StreamClock(fs), clock)
        self._streams[handle] = stream
        self._bound(stream)
        return handle

    def bound_rates(
        self, subject: str, slow_per_min: float = 0.0, fast_per_min: float = 0.0
    ) -> None:
        """Take the heart rate of a subject below and above these for slow and fast from now on.

        Streams that run go on; without bounds the usual ones of an adult count.
        """
        self._bounds[subject] = (slow_per_min, fast_per_min)
        for stream in self._streams.values():
            if stream.subject == subject:
                self._bound(stream)
        if not slow_per_min and not fast_per_min:
            del self._bounds[subject]

    def close_stream(self, handle: int) -> None:
        """End a stream; what it still holds is dropped. One that is closed stays closed."""
        stream = self._streams.pop(handle, None)
        if stream is None:
            return
        stream.shared.give_back(stream.slot)
        self._arrivals.forget(stream.person)

    def push(self, handle: int, time_ns: int, samples: NDArray[np.float32]) -> None:
        """Continue a stream: samples in the unit of the metric, NaN = lost, first one at UTC ns."""
        stream = self._stream(handle)
        block = np.asarray(samples, np.float32)
        if block.ndim != 1:
            raise ValueError(f"samples of shape {block.shape}: give one row")
        with np.errstate(invalid="ignore"):
            usable = np.abs(block) < ABSURD
        if not usable.all():
            block = np.where(usable, block, np.float32(np.nan))
        stream.clock.mark(stream.pushed, time_ns)
        stream.pending.append(block)
        stream.pushed += len(block)

    def gap(self, handle: int, n_samples: int) -> None:
        """Note that the next ``n_samples`` of a stream are lost."""
        stream = self._stream(handle)
        stream.pending.append(np.full(n_samples, np.nan, np.float32))
        stream.pushed += n_samples

    def process(self, now_ns: int) -> list[Output]:
        """Analyse what was pushed since the last call; ``now_ns`` is UTC.

        A stream whose analysis raises is closed and reported by `take_failed`; no other one
        notices.
        """
        out: list[Output] = []
        for shared in self._banks.values():
            self._failed.update(shared.advance(self._streams))
            for event in shared.events():
                stream = self._streams.get(shared.handles[int(event["slot"])])
                if stream is None or stream.handle in self._failed:
                    continue
                try:
                    out.extend(self._messages(stream, event))
                except Exception as error:
                    self._failed[stream.handle] = error
        for handle in self._failed:
            self.close_stream(handle)
        for stream in self._streams.values():
            if stream.kind is not Kind.RESPIRATION:
                is_pulse, seen_ns = stream.kind is not Kind.ECG, stream.clock.time_ns(stream.pushed)
                self._arrivals.seen(stream.person, is_pulse, stream.handle, seen_ns)
        out += [(who.partition("\n")[0], found) for who, found in self._arrivals.take()]
        return out

    def take_failed(self) -> dict[int, Exception]:
        """Return the streams that were closed since the last call because their analysis raised."""
        failed, self._failed = self._failed, {}
        return failed

    def quality(self, handle: int) -> tuple[float, tuple[str, ...]]:
        """Return the newest quality of a stream, 0 to 1, and the reasons against it."""
        stream = self._stream(handle)
        bank = stream.shared.bank
        return float(bank.sqi[stream.slot]), Reason(int(bank.reasons[stream.slot])).names()

    def snapshot(self, handle: int) -> bytes:
        """Return all that a stream remembers, samples not yet processed excepted."""
        stream = self._stream(handle)
        taken = stream.pushed - sum(map(len, stream.pending))
        head = _TAKEN.pack(taken) + stream.clock.snapshot()
        return head + stream.shared.bank.snapshot(stream.slot)

    def restore(self, handle: int, state: bytes) -> None:
        """Continue a stream of the same metric and rate from its snapshot."""
        stream = self._stream(handle)
        head = _TAKEN.size + stream.clock.SNAPSHOT_SIZE
        stream.shared.bank.restore(stream.slot, state[head:])
        (stream.pushed,) = _TAKEN.unpack(state[: _TAKEN.size])
        stream.clock.restore(state[_TAKEN.size : head])
        self._bound(stream)
        stream.pending.clear()

    def _bound(self, stream: "_Stream") -> None:
        if isinstance(stream.shared.bank, EcgBank):
            bounds = self._bounds.get(stream.subject, (0.0, 0.0))
            stream.shared.bank.bound_rates(stream.slot, *bounds)

    def _drop_unused(self) -> None:
        """Drop banks without a stream, so that a device that changes its rate fills no memory."""
        for key, shared in list(self._banks.items()):
            if not any(shared.handles) and key[1] not in self.config.rates_hz:
                del self._banks[key]

    def _stream(self, handle: int) -> "_Stream":
        try:
            return self._streams[handle]
        except KeyError:
            raise ValueError(f"no open stream has handle {handle}") from None

    def _messages(self, stream: "_Stream", event: np.void) -> list[Output]:
        time_ns = stream.clock.time_ns(int(event["sample"]))
        if (kind := event["kind"]) in (EventKind.BEAT, EventKind.PULSE):
            is_pulse = bool(kind == EventKind.PULSE)
            self._arrivals.mark(stream.person, is_pulse, stream.handle, time_ns)
        floor = self.config.quality_floor
        message = message_of(event, stream.metric, time_ns, floor, stream.onsets)
        return [] if message is None else [(stream.subject, message)]


@dataclass(slots=True)
class _Stream:
    """One open stream."""

    handle: int
    subject: str
    metric: str
    kind: Kind
    shared: "_SharedBank"
    slot: int
    clock: StreamClock
    clock_name: str
    pushed: int = 0
    onsets: dict[str, int] = field(default_factory=dict)
    pending: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def person(self) -> str:
        """Name the subject and the clock: marks of one clock can be paired."""
        return f"{self.subject}\n{self.clock_name}"


def copy_part(blocks: list[NDArray[np.float32]], first: int, out: NDArray[np.float32]) -> None:
    """Fill ``out`` with the samples of ``blocks``, joined, from sample ``first`` on."""
    at = 0
    for block in blocks:
        n = min(len(block) - first, len(out) - at)
        if n > 0:
            out[at : at + n] = block[first : first + n]
            at += n
        first = max(0, first - len(block))


def _bank_order(item: tuple[tuple[Kind, float], object]) -> tuple[str, float]:
    (kind, fs), _ = item
    return kind.value, fs


class _SharedBank:
    """A bank, who sits in its slots, and the array that carries a tick's samples to it."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.handles: list[int] = [0] * bank.n_slots
        self._samples = np.zeros((bank.n_slots, 256), np.float32)

    def take(self, handle: int) -> int:
        """Return a fresh slot, doubling the bank when it is full."""
        if 0 not in self.handles:
            self.handles += [0] * len(self.handles)
            self.bank.grow(len(self.handles))
        slot = self.handles.index(0)
        self.handles[slot] = handle
        self.bank.reset(slot)
        return slot

    def give_back(self, slot: int) -> None:
        """Free a slot."""
        self.handles[slot] = 0
        self.bank.reset(slot)

    def events(self) -> list[np.void]:
        """Return what the bank found, in the order in which the streams were opened."""
        return sorted(self.bank.drain(), key=lambda event: self.handles[int(event["slot"])])

    def advance(self, streams: dict[int, _Stream]) -> dict[int, Exception]:
        """Hand the pending samples of every slot to the bank; return the streams that failed."""
        n_slots = self.bank.n_slots
        counts = np.zeros(n_slots, np.int32)
        waiting = []
        for slot, handle in enumerate(self.handles):
            stream = streams.get(handle)
            if stream is not None and stream.pending:
                blocks, stream.pending = stream.pending, []
                waiting.append((slot, blocks))
                counts[slot] = sum(map(len, blocks))
        failed: dict[int, Exception] = {}
        for first in range(0, int(counts.max(initial=0)), AT_ONCE):
            failed |= self._advance_part(waiting, np.clip(counts - first, 0, AT_ONCE), first)
            counts[list(failed)] = 0
        return {self.handles[slot]: error for slot, error in failed.items()}

    def _advance_part(
        self, waiting: list[tuple[int, list[NDArray[np.float32]]]], counts: Counts, first: int
    ) -> dict[int, Exception]:
        """Hand on up to `AT_ONCE` samples a slot, from its sample ``first`` on."""
        n_slots, longest = self.bank.n_slots, int(counts.max(initial=0))
        if longest == 0:
            return {}
        if self._samples.shape[0] != n_slots or self._samples.shape[1] < longest:
            self._samples = np.zeros((n_slots, max(longest, 256)), np.float32)
        for slot, blocks in waiting:
            copy_part(blocks, first, self._samples[slot, : counts[slot]])
        return process_each(self.bank.process, self.bank.taken, counts, self._samples)


__all__ = ["EVENT_DTYPE", "Engine", "EngineConfig", "Output"]
