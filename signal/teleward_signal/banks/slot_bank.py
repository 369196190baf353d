"""What every bank whose memory is one record per slot does alike: events, snapshots, growth.

A bank of this kind gives its state's dtype (with the fields ``sqi`` and ``reasons``), and advances
all slots in one kernel call that writes events and counts them in ``used``.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.bank import EVENT_DTYPE, Events
from teleward_signal.compiled.cache import inner
from teleward_signal.compiled.records import Floats

EVENTS_PER_SECOND = 12
"""A pulse or breath each refractory period of 0.25 s and a few numerics, with room to spare."""


class Stream(Protocol):
    """What the state of every bank has: samples seen, quality and what it suffers from."""

    n: int
    sqi: float
    reasons: int


@inner
def emit(
    events: Events,
    n_events: int,
    s: Stream,
    at: int,
    kind: int,
    symbol: int,
    value: float,
) -> int:
    """Append one event of the stream ``s`` about sample ``at``; return the number of events."""
    if n_events < events.shape[0]:
        event = events[n_events]
        event.sample = at
        event.known = s.n
        event.kind = kind
        event.symbol = symbol
        event.value = value
        event.sqi = s.sqi
        event.reasons = s.reasons
        n_events += 1
    return n_events


@inner
def ranked(values: Floats, n: int, rank: int) -> float:
    """Return the value that ``rank`` of the first ``n`` are below (NaN for none).

    By insertion: a few values, and ``np.sort`` would cost seconds of compilation.
    """
    ordered = np.empty(n)
    for i in range(n):
        k = i
        while k > 0 and ordered[k - 1] > values[i]:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = values[i]
    return float(ordered[rank]) if n > 0 else np.nan


@inner
def median(values: Floats, n: int) -> float:
    """Return the median of the first ``n`` values, NaN for none."""
    upper = ranked(values, n, n // 2)
    return upper if n % 2 else 0.5 * (upper + ranked(values, n, max(0, n // 2 - 1)))


def check_block(samples: NDArray[np.float32], counts: NDArray[np.int32], n_slots: int) -> None:
    """Refuse a block that is not one row and one count a slot: kernels do not check bounds."""
    if samples.ndim != 2 or len(samples) != n_slots or counts.shape != (n_slots,):
        raise ValueError(
            f"samples {samples.shape} and counts {counts.shape} do not fit a bank of {n_slots} "
            f"slots: give shapes ({n_slots}, n) and ({n_slots},)"
        )
    if counts.max(initial=0) > samples.shape[1]:
        raise ValueError(f"counts reach {counts.max()}, rows hold {samples.shape[1]} samples")


class SlotBank:
    """Base of banks; see `bank.Bank` for the contract of each method."""

    def __init__(self, fs: float, n_slots: int, state_dtype: np.dtype[np.void]) -> None:
        self.fs = fs
        self.n_slots = 0
        self.sqi = np.zeros(0, np.float32)
        self.reasons = np.zeros(0, np.uint32)
        self._dtype = state_dtype
        self._states = np.zeros(0, state_dtype)
        self._events = np.zeros((0, 0), EVENT_DTYPE)
        self._used = np.zeros(0, np.int64)
        self.grow(n_slots)

    def drain(self) -> NDArray[np.void]:
        """Return the events since the last drain, in order within a slot."""
        slots = np.repeat(np.arange(self.n_slots, dtype=np.int32), self._used)
        first = np.cumsum(self._used) - self._used
        events = self._events[slots, np.arange(len(slots)) - first[slots]]
        events["slot"] = slots
        self._used[:] = 0
        return events

    def taken(self) -> NDArray[np.int64]:
        """Return how many samples each slot has seen."""
        return np.array(self._states["n"], np.int64)

    def reset(self, slot: int) -> None:
        """Make ``slot`` as new."""
        self._states[slot] = np.zeros((), self._dtype)
        self._used[slot] = 0
        self.sqi[slot] = 0.0
        self.reasons[slot] = 0

    def snapshot(self, slot: int) -> bytes:
        """Return the whole state of ``slot``."""
        return bytes(self._states[slot].tobytes())

    def restore(self, slot: int, state: bytes) -> None:
        """Continue ``slot`` from a snapshot."""
        if len(state) != self._dtype.itemsize:
            raise ValueError(
                f"{type(self).__name__}: snapshot of {len(state)} bytes, this version writes "
                f"{self._dtype.itemsize}; restart the stream instead of restoring it"
            )
        self._states[slot] = np.frombuffer(state, self._dtype)[0]
        self._used[slot] = 0
        self._show()

    def grow(self, n_slots: int) -> None:
        """Hold ``n_slots`` streams from now on."""
        more = n_slots - self.n_slots
        # not by concatenation, which leaves the padding between fields as the memory was
        states = np.zeros(n_slots, self._dtype)
        states[: self.n_slots] = self._states
        self._states = states
        self._used = np.concatenate([self._used, np.zeros(more, np.int64)])
        self.sqi = np.concatenate([self.sqi, np.zeros(more, np.float32)])
        self.reasons = np.concatenate([self.reasons, np.zeros(more, np.uint32)])
        kept = self._events
        self._events = np.zeros((n_slots, kept.shape[1]), EVENT_DTYPE)
        self._events[: self.n_slots] = kept
        self.n_slots = n_slots

    def _show(self) -> None:
        """Publish quality and reasons as of the newest sample."""
        self.sqi[:] = self._states["sqi"]
        self.reasons[:] = self._states["reasons"]

    def _reserve(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Refuse arrays of the wrong shape; make room for every event that they can bring."""
        check_block(samples, counts, self.n_slots)
        n_samples = samples.shape[1]
        most = int(self._used.max(initial=0)) + 64 + int(n_samples / self.fs * EVENTS_PER_SECOND)
        if most > self._events.shape[1]:
            wider = np.zeros((self.n_slots, most), EVENT_DTYPE)
            wider[:, : self._events.shape[1]] = self._events
            self._events = wider
