"""Waveform records of a stretch as unbroken runs of counts, one list for each metric and device.

    records   |----1 s----|----1 s----|      |----1 s----|
    runs      |------------------------|      |-----------|     a hole is a hole

Records that follow each other are one run; its period is measured by the gateway's clock over the
run, so that a second on paper is a second, though the device's crystal is slow.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from teleward_signal.record import Record

JOINED_NS = 20_000_000
"""Less apart than this are records of one run: the smoothed time base bends, samples were lost."""
MOST_DRIFT = 2e-3
"""A period that differs more from the nominal one is a step of the clock, no crystal."""
_NS = 1_000_000_000
_DTYPES = {"int16": "<i2", "int32": "<i4"}


@dataclass(slots=True)
class WaveRun:
    """Samples without a hole: value = count * scale + offset, ``period_ns`` apart."""

    time_ns: int
    period_ns: float
    scale: float
    offset: float
    counts: NDArray[np.int32]


@dataclass(slots=True)
class WaveChannel:
    """The runs of one metric of one device, in order of time; ``fs`` in Hz as the device states."""

    metric: str
    device: str | None
    fs: float
    runs: list[WaveRun] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A run that may go on: its records so far."""

    fs: float
    scale: float
    offset: float
    times_ns: list[int]
    pieces: list[NDArray[np.int32]]

    @property
    def end_ns(self) -> float:
        return self.times_ns[-1] + len(self.pieces[-1]) / self.fs * _NS

    def is_followed_by(self, record: Record) -> bool:
        payload = record.payload
        same = (payload["fs"], payload["scale"], payload["offset"])
        if same != (self.fs, self.scale, self.offset) or payload.get("gap_samples"):
            return False
        return abs(record.time_ns - self.end_ns) < JOINED_NS

    def period_ns(self) -> float:
        nominal = _NS / self.fs
        before = sum(map(len, self.pieces[:-1]))
        if not before:
            return nominal
        measured = (self.times_ns[-1] - self.times_ns[0]) / before
        return measured if abs(measured / nominal - 1) < MOST_DRIFT else nominal

    def within(self, start_ns: int, end_ns: int) -> WaveRun | None:
        period = self.period_ns()
        counts = np.concatenate(self.pieces)
        first = max(0, int(np.ceil((start_ns - self.times_ns[0]) / period)))
        stop = min(len(counts), int(np.ceil((end_ns - self.times_ns[0]) / period)))
        if stop <= first:
            return None
        time_ns = self.times_ns[0] + round(first * period)
        return WaveRun(time_ns, period, self.scale, self.offset, counts[first:stop])


def channels_of(records: Iterable[Record], start_ns: int, end_ns: int) -> list[WaveChannel]:
    """Return the samples in ``[start_ns, end_ns)`` UTC of waveform ``records``, oldest first."""
    found: dict[tuple[str, str | None], list[_Open]] = {}
    for record in records:
        dtype = _DTYPES.get(str(record.payload.get("dtype")))
        if record.metric is None or dtype is None or not record.samples:
            continue
        counts = np.frombuffer(record.samples, dtype).astype(np.int32)
        opened = found.setdefault((record.metric, record.device), [])
        if opened and opened[-1].is_followed_by(record):
            opened[-1].times_ns.append(record.time_ns)
            opened[-1].pieces.append(counts)
            continue
        payload = record.payload
        opened.append(
            _Open(
                payload["fs"], payload["scale"], payload["offset"], [record.time_ns], [counts]
            )
        )  # fmt: skip
    channels = []
    for (metric, device), opened in found.items():
        runs = [run for each in opened if (run := each.within(start_ns, end_ns)) is not None]
        if runs:
            channels.append(WaveChannel(metric, device, opened[-1].fs, runs))
    return channels
