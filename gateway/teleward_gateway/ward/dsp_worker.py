"""Signal processing off the event loop: blocks are collected, one thread processes them each tick.

    loop    push(block) -> list        every tick: take the list, hand it to the thread
    thread  engine.push ..., engine.process            -> results
    loop    on_results(list of (subject, Measurement | Annotation))

Numba kernels release the GIL, so the loop keeps answering meanwhile. If a tick takes longer than
its time the next one starts late and takes more: nothing is lost, and `late_ticks` counts it. At
`MOST_BLOCKS` the oldest block makes room, `dropped_blocks` counts it, and the detectors see a gap.
"""

import asyncio
import logging
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.health import totals
from teleward_gateway.ward.detector_store import RESTART_S, KeptStream
from teleward_signal.calibration import Calibration
from teleward_signal.engine.engine import Engine
from teleward_signal.model import Annotation, Measurement
from teleward_signal.respiration.watch import DerivedBreathing
from teleward_signal.spo2.watch import Oximetry

log = logging.getLogger(__name__)

JUMP_S = 0.1
"""Blocks of one unbroken stream follow each other within the spread of their arrival times; more
than this is a gap."""
FORGET_S = 30.0
"""After a gap this long a detector's learned state is stale: the stream starts again."""

MOST_BLOCKS = 10_000
"""Blocks that wait: 64 patients with three streams of 4 blocks a second for 13 s, 10 to 20 MB."""

Result = tuple[str, Measurement | Annotation]


@dataclass(slots=True)
class DspStatistics:
    """What the worker has done; ``busy_s`` is time spent in the engine."""

    ticks: int = 0
    late_ticks: int = 0
    blocks: int = 0
    dropped_blocks: int = 0
    results: int = 0
    resumed: int = 0
    busy_s: float = 0.0


@dataclass(slots=True)
class _Stream:
    """What continues from block to block; ``handle`` is None where the engine has no analysis."""

    handle: int | None
    fs: float
    device: str
    end_ns: int
    """Monotonic time of the end of its newest sample."""


@dataclass(frozen=True, slots=True)
class _Job:
    subject: str
    metric: str
    fs: float
    time_ns: int
    samples: NDArray[np.float32]
    gap_samples: int
    device: str
    calibration: Calibration | None
    monotonic_ns: int


def _queue() -> deque[_Job]:
    return deque(maxlen=MOST_BLOCKS)


class DspWorker:
    """Owns the engine; everything but `push` and `close_subject` happens in its thread."""

    def __init__(self, engine: Engine, tick_s: float, kept: Iterable[KeptStream] = ()) -> None:
        self._kept = {(stream.subject, stream.metric): stream for stream in kept}
        self.statistics = DspStatistics()
        self._engine = engine
        self._tick_s = tick_s
        self._jobs = _queue()
        self._leaving: list[str] = []
        self._released: list[tuple[str, str]] = []
        self._replaced: list[tuple[str, str, str]] = []
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._breathing = DerivedBreathing()
        self._oximetry = Oximetry(engine.config.quality_floor)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dsp")

    def push(
        self,
        subject: str,
        metric: str,
        fs: float,
        time_ns: int,
        samples: NDArray[np.float32],
        gap_samples: int = 0,
        device: str = "",
        calibration: Calibration | None = None,
        monotonic_ns: int | None = None,
    ) -> None:
        """Queue samples (physical units, float32) that follow a gap of ``gap_samples``.

        Metrics that nothing analyses are left out. ``device`` says whose clock the times come from,
        ``calibration`` is the curve of the sensor behind red light. ``monotonic_ns`` is the time of
        the first sample that decides what is a gap: UTC may step (without it, UTC decides).
        """
        if not self._engine.analyses(metric) and not self._oximetry.analyses(metric, fs):
            return
        self.statistics.dropped_blocks += len(self._jobs) == MOST_BLOCKS
        moment_ns = time_ns if monotonic_ns is None else monotonic_ns
        self._jobs.append(
            _Job(subject, metric, fs, time_ns, samples, gap_samples, device, calibration, moment_ns)
        )

    def close_subject(self, subject: str) -> None:
        """Drop the streams of a subject who left, at the next tick."""
        self._leaving.append(subject)

    def release(self, subject: str, device: str) -> None:
        """Drop the streams of a device that was taken off, at the next tick."""
        self._released.append((subject, device))

    def take_replaced(self) -> list[tuple[str, str, str]]:
        """Return (subject, metric, device) of each detector that began again since the last call.

        It knows nothing of what the former one had claimed.
        """
        replaced, self._replaced = self._replaced, []
        return replaced

    def learnt(self) -> list[KeptStream]:
        """Return the state of every stream, for a restart; call it after `close`."""
        running = [
            KeptStream(
                *key, stream.fs, stream.device, stream.end_ns, self._engine.snapshot(stream.handle)
            )
            for key, stream in self._streams.items()
            if stream.handle is not None
        ]
        return [*running, *self._kept.values()]

    def analyse(self, now_ns: int) -> list[Result]:
        """Do the work of one tick here and now, in place of `run`; ``now_ns`` is monotonic."""
        jobs, self._jobs = self._jobs, _queue()
        leaving, self._leaving = self._leaving, []
        return self._process(jobs, leaving, now_ns)

    def health(self) -> dict[str, Any]:
        """Return what the worker has done."""
        return totals(self.statistics)

    async def run(self, on_results: Callable[[list[Result]], None]) -> None:
        """Tick until cancelled, passing results on; after a failure `run` may be called again."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                due += self._tick_s
                delay = due - loop.time()
                if delay <= 0:
                    self.statistics.late_ticks += 1
                    due = loop.time()
                await asyncio.sleep(max(0.0, delay))
                jobs, self._jobs = self._jobs, _queue()
                leaving, self._leaving = self._leaving, []
                results = await loop.run_in_executor(
                    self._thread, self._process, jobs, leaving, time.monotonic_ns()
                )
                self.statistics.results += len(results)
                if results or self._replaced:
                    on_results(results)
        except Exception:
            # whatever the detectors were in the middle of, they learn anew
            for stream in self._streams.values():
                self._close(stream)
            self._streams.clear()
            self._breathing = DerivedBreathing()
            self._oximetry = Oximetry(self._engine.config.quality_floor)
            raise

    def close(self) -> None:
        """Wait for the tick that runs and end the thread."""
        self._thread.shutdown(wait=True)

    def _process(self, jobs: deque[_Job], leaving: list[str], now_ns: int) -> list[Result]:
        """Analyse what waits; ``now_ns`` counts elapsed time (monotonic)."""
        began = time.perf_counter()
        for job in jobs:
            self._feed(job)
        results = [
            *self._engine.process(now_ns),
            *self._breathing.tick(now_ns),
            *self._oximetry.tick(),
        ]
        for subject in leaving:
            self._breathing.forget(subject)
            self._oximetry.forget(subject)
        released, self._released = self._released, []
        for key, kept in list(self._kept.items()):
            if key[0] in leaving or (key[0], kept.device) in released:
                del self._kept[key]
        for key, stream in list(self._streams.items()):
            if key[0] in leaving or (key[0], stream.device) in released:
                self._close(self._streams.pop(key))
                self._breathing.release(*key)
        self.statistics.ticks += 1
        self.statistics.blocks += len(jobs)
        self.statistics.busy_s += time.perf_counter() - began
        return results

    def _feed(self, job: _Job) -> None:
        key = (job.subject, job.metric)
        stream, longest_s = self._streams.get(key), FORGET_S
        if stream is None and (stream := self._resume(key)) is not None:
            self._streams[key], longest_s = stream, RESTART_S
        gap_samples = job.gap_samples
        if stream is not None:
            # a device that reconnected cannot count what it did not send: time tells
            apart_s = (job.monotonic_ns - stream.end_ns) / 1e9
            if gap_samples == 0 and abs(apart_s) > JUMP_S:
                gap_samples = max(1, round(apart_s * job.fs))
            restarted = (stream.fs, stream.device) != (job.fs, job.device)
            if restarted or gap_samples > longest_s * job.fs:
                self._close(stream)
                stream, gap_samples = None, 0
        if stream is None:
            stream = self._streams[key] = self._open(job)
            self._replaced.append((job.subject, job.metric, job.device))
            self._breathing.release(*key)
        if stream.handle is not None:
            if gap_samples:
                self._engine.gap(stream.handle, gap_samples)
            self._engine.push(stream.handle, job.time_ns, job.samples)
        self._breathing.push(job.subject, job.metric, job.fs, job.samples, job.time_ns, gap_samples)
        if self._oximetry.analyses(job.metric, job.fs):
            self._oximetry.push(
                job.subject, job.metric, job.fs, job.time_ns, job.samples, gap_samples,
                job.calibration,
            )  # fmt: skip
        stream.end_ns = job.monotonic_ns + round(len(job.samples) / job.fs * 1e9)

    def _resume(self, key: tuple[str, str]) -> _Stream | None:
        """Return the stream as it was before a restart of the gateway."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return None
        handle = self._engine.open_stream(kept.subject, kept.metric, kept.fs, kept.device)
        try:
            self._engine.restore(handle, kept.state)
        except (ValueError, struct.error) as error:
            log.warning("%s learns from the start: %s", kept.metric, error)
            self._engine.close_stream(handle)
            return None
        self.statistics.resumed += 1
        return _Stream(handle, kept.fs, kept.device, kept.end_ns)

    def _open(self, job: _Job) -> _Stream:
        handle = None
        if self._engine.analyses(job.metric):
            handle = self._engine.open_stream(job.subject, job.metric, job.fs, job.device)
        return _Stream(handle, job.fs, job.device, job.monotonic_ns)

    def _close(self, stream: _Stream) -> None:
        if stream.handle is not None:
            self._engine.close_stream(stream.handle)
