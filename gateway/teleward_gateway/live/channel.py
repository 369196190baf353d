"""One live waveform of one subject: blocks in, runs of quantised samples out. No clock, no I/O.

The channel counts its own samples. Index ``i`` was taken at ``anchor_ns + i / fs``: a gap is a jump
of the index, the slow drift of a device's clock moves the anchor, and a clock that steps back
starts a new generation at index 0.
"""

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.live.frame import RUN_LIMIT, SAMPLE_LIMIT, Run
from teleward_gateway.live.steps import quantise
from teleward_signal.model import SampleBlock
from teleward_signal.vocabulary import METRICS

FINEST_STEP = {"mV": 0.005, "mm[Hg]": 0.1}
"""Coarsest step that a screen cannot show better: 5 uV is 0.05 mm on paper (spec: PRD 0.24 %)."""
INDEX_SLACK_S = 0.25
"""How far time and the device's own sample count may disagree before time decides."""
JITTER_S = 0.06
"""Below this a step of time without a step of the count is arrival jitter, not a gap."""
BACKWARD_S = 1.0
"""A clock that goes back further than this has been corrected: the channel starts again."""
DRIFT_S = 0.01
"""Drift that moves the anchor: a pixel at the usual sweep, invisible."""
DRIFT_WEIGHT = 0.01
"""Weight of a block in the drift: some ten seconds, so that arrival jitter moves nothing."""
PENDING_S = 5.0
"""Samples that wait for a tick; ticks are 0.1 s, so more than this is a stopped hub."""
PAST_S = 20.0
"""Kept for a page that opens: the widest sweep."""
ESCAPE_SHARE = 0.02
"""Share of steps beyond an int8 above which the quantisation is made coarser."""


class Channel:
    """One waveform on its way to the pages.

    ``changed`` says that the description differs from the one last sent.
    """

    def __init__(self, number: int, block: SampleBlock) -> None:
        self.number = number
        self.metric = block.metric
        self.generation = 0
        self.changed = True
        self._pending: list[tuple[int, NDArray[Any]]] = []
        self._past: deque[tuple[int, NDArray[Any]]] = deque()
        self._start(block)

    def take(self, block: SampleBlock) -> None:
        """Add the next block; its ``time_ns`` must be stamped."""
        if block.time_ns is None:
            raise ValueError(f"block of {block.metric} has no time: stamp it before it goes live")
        if not len(block.samples):
            return
        if (block.fs, block.scale, block.offset) != (self.fs, self._scale, self._offset):
            self.generation = (self.generation + 1) & 0xFF
            self._start(block)
        self._place(block, block.time_ns)
        self._pending.append((self.next_index, block.samples))
        self.next_index += len(block.samples)
        self._device_next = block.index + len(block.samples)
        self._trim()

    def drain(self) -> list[Run]:
        """Return the runs that came in since the last call."""
        if not self._pending:
            return []
        pending = self._pending
        self.forget()
        return self._runs(pending)

    def past(self, seconds: float) -> list[Run]:
        """Return the runs of the last ``seconds`` (at most 20) before what the next drain gives."""
        oldest = self.next_index - seconds * self.fs
        kept = [(index, counts) for index, counts in self._past if index >= oldest]
        return self._runs(kept) if kept else []

    def _runs(self, blocks: list[tuple[int, NDArray[Any]]]) -> list[Run]:
        pieces = [counts for _, counts in blocks]
        samples = self._quantise(np.concatenate(pieces, dtype=np.int32))
        runs: list[Run] = []
        begin = at = 0
        first_index = following = blocks[0][0]
        for index, counts in blocks:
            if index != following:
                runs += self._cut(first_index, samples[begin:at])
                begin, first_index = at, index
            at += len(counts)
            following = index + len(counts)
        return runs + self._cut(first_index, samples[begin:at])

    def forget(self) -> None:
        """Count the samples that came in since the last call as past; their places stay taken."""
        self._past.extend(self._pending)
        self._pending = []
        oldest = self.next_index - PAST_S * self.fs
        while self._past and self._past[0][0] < oldest:
            self._past.popleft()

    def describe(self) -> dict[str, Any]:
        """Return what a page needs to draw the channel, in JSON values."""
        metric = METRICS[self.metric]
        return {
            "channel": self.number,
            "generation": self.generation,
            "metric": self.metric,
            "label": metric.label,
            "unit": metric.unit,
            "fs": self.fs,
            "anchor": round(self.anchor_ns / 1e6, 3),
            "lsb": self.lsb,
            "base": self.base,
        }

    def _start(self, block: SampleBlock) -> None:
        if block.time_ns is None:
            raise ValueError(f"block of {block.metric} has no time: stamp it before it goes live")
        self.fs = block.fs
        self._scale, self._offset = block.scale, block.offset
        self.anchor_ns = block.time_ns
        self.next_index = 0
        # a sensor may be mounted upside down (a negative scale); a scale of 0 shows a flat line
        finest = FINEST_STEP.get(METRICS[block.metric].unit, 0.0)
        self.lsb = max(abs(block.scale), finest) or 1.0
        self.base = float(np.median(block.samples)) * block.scale + block.offset
        self._device_next = block.index
        self._residual_s = 0.0
        self._pending.clear()
        self._past.clear()
        self.changed = True

    def _place(self, block: SampleBlock, time_ns: int) -> None:
        """Move ``next_index`` over a gap, the anchor along with drift, or start again."""
        expected_ns = self.anchor_ns + self.next_index * 1e9 / self.fs
        ahead_s = (time_ns - expected_ns) / 1e9
        lost = block.index - self._device_next
        if lost < 0 or abs(ahead_s - lost / self.fs) > INDEX_SLACK_S:
            lost = round(ahead_s * self.fs) if ahead_s > JITTER_S else 0
        if ahead_s < -BACKWARD_S or self.next_index + lost > 2**31:
            self.generation = (self.generation + 1) & 0xFF
            self._start(block)
            return
        self.next_index += lost
        self._follow_drift(ahead_s - lost / self.fs)

    def _follow_drift(self, residual_s: float) -> None:
        self._residual_s += DRIFT_WEIGHT * (residual_s - self._residual_s)
        if abs(self._residual_s) > DRIFT_S:
            self.anchor_ns += round(self._residual_s * 1e9)
            self._residual_s = 0.0
            self.changed = True

    def _quantise(self, counts: NDArray[np.int32]) -> NDArray[np.int16]:
        """Return int16 samples, after making the step coarser or moving the base if needed."""
        samples = np.empty(len(counts), np.int16)
        while True:
            gain = self._scale / self.lsb
            shift = (self._offset - self.base) / self.lsb
            largest, steep = quantise(counts, gain, shift, samples)
            if largest <= SAMPLE_LIMIT and steep <= max(1, ESCAPE_SHARE * len(counts)):
                return samples
            if largest > SAMPLE_LIMIT:
                self.base = float(np.median(counts)) * self._scale + self._offset
                spread = float(np.ptp(counts)) * abs(self._scale)
                while spread > SAMPLE_LIMIT * self.lsb:
                    self.lsb *= 2
            else:
                self.lsb *= 2
            self.changed = True

    def _cut(self, first_index: int, samples: NDArray[np.int16]) -> list[Run]:
        return [
            Run(
                self.number,
                self.generation,
                first_index + start,
                samples[start : start + RUN_LIMIT],
            )
            for start in range(0, len(samples), RUN_LIMIT)
        ]

    def _trim(self) -> None:
        while len(self._pending) > 1 and (
            self.next_index - self._pending[1][0] > PENDING_S * self.fs
        ):
            del self._pending[0]
