"""A waveform in frames that carry the time of their last sample: order, repeats, gaps and rate.

    frames as they arrive --sorted by stamp, repeats dropped--> pieces with running numbers

- The rate is what the stamps show. It is announced by the device as well, and firmware exists that
  announces 135 Hz and sends 55; the first frames wait until the stamps have confirmed one.
- A frame that leaves a hole waits for the next: that may be the missing one, which it overtook.
- A hole that stays is counted: the running number jumps.
- A stamp of 0 is no stamp; a jump of a minute or back is a clock that was set: nothing is missing.

Pure: arrival plays no part.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.03
"""Crystals are within 1 %; firmware rounds rates by up to 2 % (52 Hz for 51.2)."""
LEARN_FRAMES = 4
"""Frames after which the stamps decide alone: three distances, of which one may hold a loss."""
JUMP_NS = 60_000_000_000
"""No link survives a minute of silence: a longer jump is a clock that was set."""
REMEMBERED = 64
"""Stamps kept to distinguish a repeat from a frame that is merely late."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples in a row, int32, shape (n_samples, n_channels); ``index`` counts missing ones."""

    index: int
    samples: NDArray[np.int32]
    first_ns: int


Frame = tuple[int, NDArray[np.int32]]


class StampedStream:
    """One stream of one connection; ``announced`` is the rate that the device states, in Hz.

    With ``confirm`` unset the first frame goes at once and a wrong rate is found a little later.
    """

    def __init__(self, announced: float, confirm: bool = True) -> None:
        self.announced = announced
        self.fs = announced
        self._learning = confirm
        self._waiting: list[Frame] = []
        self._seen: dict[int, None] = {}
        self._last_ns: int | None = None
        self._index = 0
        self._odd: list[float] = []

    @property
    def settled(self) -> bool:
        """Whether the stamps have confirmed `fs`."""
        return not self._learning

    def take(self, last_ns: int, samples: NDArray[np.int32]) -> list[Piece] | str:
        """Return the pieces that are ready, or why this frame is not used."""
        if last_ns == 0:
            self._learning = False
            return [self._place(0, samples, 0)]
        if last_ns in self._seen:
            return "duplicate"
        self._remember(last_ns)
        if self._last_ns is not None and abs(last_ns - self._last_ns) > JUMP_NS:
            ready = self.flush()
            self._last_ns = None
            return [*ready, *self._advance((last_ns, samples))]
        if self._last_ns is not None and last_ns < self._last_ns:
            return "late"
        self._waiting.append((last_ns, samples))
        self._waiting.sort(key=lambda frame: frame[0])
        if self._learning and not self._learn():
            return []
        return list(self._drain())

    def flush(self) -> list[Piece]:
        """Return what waits, holes counted: the next frame does not come in time."""
        self._learning = False
        waiting, self._waiting = self._waiting, []
        return [piece for frame in waiting for piece in self._advance(frame)]

    def _learn(self) -> bool:
        """Return whether the rate is known, after setting it from the frames that wait."""
        spans = [
            (b[0] - a[0]) / len(b[1])
            for a, b in zip(self._waiting, self._waiting[1:], strict=False)
        ]
        announced = 1e9 / self.announced
        if any(abs(span / announced - 1) <= TOLERANCE for span in spans):
            self._learning = False
        elif len(self._waiting) >= LEARN_FRAMES:
            self.fs = 1e9 / _usual(spans)
            self._learning = False
        return not self._learning

    def _drain(self) -> Iterable[Piece]:
        joined: list[Frame] = []
        while self._waiting:
            first = self._waiting[0]
            last_ns = joined[-1][0] if joined else self._last_ns
            missing = 0 if last_ns is None else self._missing(first, last_ns)
            if missing and len(self._waiting) == 1:
                break  # the next frame may be the missing one
            if missing and joined:
                yield from self._join(joined)
                joined = []
            joined.append(self._waiting.pop(0))
        if joined:
            yield from self._join(joined)

    def _join(self, frames: list[Frame]) -> Iterable[Piece]:
        """Return frames that follow each other as one piece."""
        return self._advance((frames[-1][0], np.concatenate([samples for _, samples in frames])))

    def _advance(self, frame: Frame) -> list[Piece]:
        last_ns, samples = frame
        missing = 0 if self._last_ns is None else self._missing(frame, self._last_ns)
        if self._last_ns is not None:
            self._check_rate((last_ns - self._last_ns) / len(samples))
        self._last_ns = last_ns
        first_ns = last_ns - round((len(samples) - 1) * 1e9 / self.fs)
        return [self._place(missing, samples, first_ns)]

    def _missing(self, frame: Frame, before_ns: int) -> int:
        """Return the samples that are missing between ``before_ns`` and ``frame``."""
        last_ns, samples = frame
        missing = round((last_ns - before_ns) * self.fs / 1e9) - len(samples)
        # half a frame is a lost one, less is drift
        return missing if missing >= max(2, len(samples) // 2) else 0

    def _place(self, missing: int, samples: NDArray[np.int32], first_ns: int) -> Piece:
        index = self._index + missing
        self._index = index + len(samples)
        return Piece(index, samples, max(0, first_ns))

    def _check_rate(self, span: float) -> None:
        """Follow a device that changes its rate: four frames agree on another one."""
        if abs(span * self.fs / 1e9 - 1) <= TOLERANCE:
            self._odd.clear()
            return
        self._odd.append(span)
        if len(self._odd) >= LEARN_FRAMES:
            usual = _usual(self._odd)
            if all(abs(odd / usual - 1) <= TOLERANCE for odd in self._odd):
                self.fs = 1e9 / usual
            self._odd.clear()

    def _remember(self, last_ns: int) -> None:
        self._seen[last_ns] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _usual(spans: list[float]) -> float:
    """Return the least span that another one confirms, else the least; a loss only lengthens."""
    ordered = sorted(spans)
    for span, longer in itertools.pairwise(ordered):
        if longer / span - 1 <= TOLERANCE:
            return span
    return ordered[0]
