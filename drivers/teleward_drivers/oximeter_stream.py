"""From the frames of a streaming oximeter to a pleth waveform and one reading a second.

Streaming oximeters repeat SpO2 and pulse rate in each of some 60 frames a second, mostly without
a checksum. So a reading is the median of a second's frames: one flipped bit cannot move it. After
lost synchronisation nothing counts until `CONFIRM` frames came in a row.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low
from typing import TypeVar

import numpy as np

from teleward_drivers.arrival import ArrivalWatch
from teleward_drivers.device import Discarded, Output
from teleward_drivers.plausible import SlewLimit, measurement
from teleward_signal.model import DeviceStatus, SampleBlock

_T = TypeVar("_T")
CONFIRM = 3
"""Frames in a row before any is believed: random bytes that look like one frame are common
(7 in a million for the CMS50), three in a row are not."""
STALE_NS = 3_000_000_000
"""Three readings late: what was last shown no longer describes the patient."""
STEP_LIMITS = {"spo2": 8.0, "pulse_rate": 40.0}
"""Greatest believed step from one second to the next (oximeters average over 4 s and more)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The content of one frame; ``reason`` is why it has no numbers."""

    spo2: float | None = None
    pulse_rate: float | None = None
    perfusion_index: float | None = None
    pleth: int | None = None
    reason: str | None = None
    quality: float | None = None
    faults: frozenset[str] = frozenset()


class OximeterStream:
    """Collects readings; ``fs`` frames a second, ``frame_size`` bytes to estimate what was lost.

    With ``checked`` frames (a checksum each) one frame is enough to doubt the pulse it is of;
    without, the quality of a second is that of most of its frames.
    """

    def __init__(self, fs: int, frame_size: int, pleth_scale: float, checked: bool = False) -> None:
        self._checked = checked
        self._arrival = ArrivalWatch(fs)
        self._fs = fs
        self._frame_size = frame_size
        self._scale = pleth_scale
        self._index = 0
        self._lost_bytes = 0
        self._unconfirmed: list[Reading] = []
        self._confirmed = False
        self._second: list[Reading] = []
        self._slew = SlewLimit(STEP_LIMITS)
        self._faults: frozenset[str] = frozenset()
        self._received_ns: int | None = None

    def take(
        self, pieces: Iterable[Reading | Discarded], time_ns: int, monotonic_ns: int
    ) -> Iterable[Output]:
        """Take what a decoder found in one piece of the stream that arrived at ``time_ns``."""
        pleth: list[int] = []
        for piece in pieces:
            if isinstance(piece, Discarded):
                yield from self._block(pleth)
                self._lose(piece)
                yield piece
                continue
            for reading in self._confirm(piece):
                self._received_ns = time_ns
                if reading.pleth is not None:
                    pleth.append(reading.pleth)
                self._second.append(reading)
                if len(self._second) >= self._fs:
                    yield from self._numerics()
        yield from self._block(pleth)
        if self._confirmed and self._index:
            self._index += self._arrival.missing(self._index, monotonic_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report once that the last values are stale."""
        if self._received_ns is not None and now_ns - self._received_ns >= STALE_NS:
            self._received_ns = None
            self._second.clear()
            for metric in ("spo2", "pulse_rate"):
                yield measurement(metric, None, "no_data")

    def _lose(self, discarded: Discarded) -> None:
        self._confirmed = False
        self._lost_bytes += discarded.n_bytes + len(self._unconfirmed) * self._frame_size
        self._unconfirmed.clear()

    def _confirm(self, reading: Reading) -> list[Reading]:
        if self._confirmed:
            return [reading]
        self._unconfirmed.append(reading)
        if len(self._unconfirmed) < CONFIRM:
            return []
        self._confirmed = True
        if self._index:
            self._index += round(self._lost_bytes / self._frame_size)
        self._lost_bytes = 0
        readings, self._unconfirmed = self._unconfirmed, []
        return readings

    def _block(self, pleth: list[int]) -> Iterable[Output]:
        if pleth:
            counts = np.array(pleth, np.int32)
            yield SampleBlock("pleth", self._fs, counts, self._scale, self._index)
            self._index += len(pleth)
            pleth.clear()

    def _numerics(self) -> Iterable[Output]:
        second, self._second = self._second, []
        faults, _ = most(reading.faults for reading in second)
        if faults != self._faults:
            self._faults = faults
            yield DeviceStatus(faults=faults)
        reason, _ = most(reading.reason for reading in second)
        quality = self._quality(second)
        for metric in ("spo2", "pulse_rate", "perfusion_index"):
            claims = [getattr(reading, metric) for reading in second]
            values = [value for value in claims if value is not None]
            if 2 * len(values) > len(claims):
                value = median_low(values)
                yield measurement(
                    metric, value, **{"quality": quality, **self._slew(metric, value)}
                )
            elif metric != "perfusion_index":
                yield measurement(metric, None, reason or "missing", quality=0.0)

    def _quality(self, second: list[Reading]) -> float | None:
        if not self._checked:
            return most(reading.quality for reading in second)[0]
        return min((r.quality for r in second if r.quality is not None), default=None)


def most(values: Iterable[_T]) -> tuple[_T, int]:
    """Return the most frequent value, the later of equals, and how often it came."""
    counts = Counter(reversed(list(values)))
    return counts.most_common(1)[0]
