"""Signal processing off the event loop: blocks are collected, one thread processes them each tick.

    loop    push(block) -> list        every tick: take the list, hand it to the thread
    thread  engine.push ..., engine.process            -> results
    loop    on_results(list of (subject, Measurement | Annotation))

Numba kernels release the GIL, so the loop keeps answering meanwhile. If a tick takes longer than
its time the next one starts late and takes more: nothing is lost, and `late_ticks` counts it. At
`MOST_BLOCKS` the oldest block makes room, `dropped_blocks` counts it, and the detectors see a gap.

A stream that cannot be analysed (its rate, its samples, an exception of its kernel) is refused:
`take_refusals` names it, its blocks are left out, and every other stream gives what it would give
without it.
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
from teleward_gateway.health.probes import Heartbeat
from teleward_gateway.ward.detector_store import RESTART_S, KeptStream
from teleward_gateway.ward.stream_guard import Refusal
from teleward_signal.calibration import Calibration
from teleward_signal.engine.engine import Engine
from teleward_signal.engine.rates import analysed_kind, rate_problem
from teleward_signal.model import Annotation, Measurement
from teleward_signal.respiration.watch import DerivedBreathing
from teleward_signal.spo2.watch import INFRARED, RED, Oximetry

log = logging.getLogger(__name__)

JUMP_S = 0.1
"""Blocks of one unbroken stream follow each other within the spread of their arrival times; more
than this is a gap."""
FORGET_S = 30.0
"""After a gap this long a detector's learned state is stale: the stream starts again."""

MOST_BLOCKS = 10_000
"""Blocks that wait: 64 patients with three streams of 4 blocks a second for 13 s, 10 to 20 MB."""

RETRY_S = 60.0
"""A stream whose analysis raised is left alone for so long."""
STEADY_S = 10.0
"""A stream that was refused counts as analysed after so long without another refusal."""

Result = tuple[str, Measurement | Annotation]
Key = tuple[str, str]


@dataclass(slots=True)
class DspStatistics:
    """What the worker has done; ``busy_s`` is time spent in the engine."""

    ticks: int = 0
    late_ticks: int = 0
    blocks: int = 0
    dropped_blocks: int = 0
    results: int = 0
    refused_blocks: int = 0
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


@dataclass(slots=True)
class _Refused:
    """A stream that is left out: why, since when, and until when it is not tried again."""

    device: str
    reason: str
    at_ns: int
    until_ns: int


def _queue() -> deque[_Job]:
    return deque(maxlen=MOST_BLOCKS)


class DspWorker:
    """Owns the engine; everything but `push` and `close_subject` happens in its thread."""

    def __init__(self, engine: Engine, tick_s: float, kept: Iterable[KeptStream] = ()) -> None:
        self._kept = {(stream.subject, stream.metric): stream for stream in kept}
        self.statistics = DspStatistics()
        self.heartbeat = Heartbeat("the signal engine")
        self._engine = engine
        self._tick_s = tick_s
        self._jobs = _queue()
        self._leaving: list[str] = []
        self._bounds: dict[str, tuple[float, float]] = {}
        self._released: list[tuple[str, str]] = []
        self._replaced: list[tuple[str, str, str]] = []
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._refused: dict[Key, _Refused] = {}
        self._refusals: list[Refusal] = []
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
        if analysed_kind(metric) is None:
            return
        self.statistics.dropped_blocks += len(self._jobs) == MOST_BLOCKS
        moment_ns = time_ns if monotonic_ns is None else monotonic_ns
        self._jobs.append(
            _Job(subject, metric, fs, time_ns, samples, gap_samples, device, calibration, moment_ns)
        )

    def close_subject(self, subject: str) -> None:
        """Drop the streams of a subject who left, at the next tick."""
        self._leaving.append(subject)

    def bound_rates(self, subject: str, slow_per_min: float, fast_per_min: float) -> None:
        """Judge the heart rate of a subject by these bounds from the next tick on."""
        self._bounds = {**self._bounds, subject: (slow_per_min, fast_per_min)}

    def release(self, subject: str, device: str) -> None:
        """Drop the streams of a device that was taken off, at the next tick."""
        self._released.append((subject, device))

    def take_replaced(self) -> list[tuple[str, str, str]]:
        """Return (subject, metric, device) of each detector that began again since the last call.

        It knows nothing of what the former one had claimed.
        """
        replaced, self._replaced = self._replaced, []
        return replaced

    def take_refusals(self) -> list[Refusal]:
        """Return which streams became impossible to analyse, or possible, since the last call."""
        refusals, self._refusals = self._refusals, []
        return refusals

    def learnt(self) -> list[KeptStream]:
        """Return the state of every stream, for a restart; not while a tick runs."""
        running = [
            KeptStream(
                *key, stream.fs, stream.device, stream.end_ns, self._engine.snapshot(stream.handle)
            )
            for key, stream in self._streams.items()
            if stream.handle is not None
        ]
        return [*running, *self._kept.values()]

    async def learnt_between_ticks(self) -> list[KeptStream]:
        """Return the state of every stream after the tick whose results came last.

        The one thread takes the copy after its tick, and the loop gets both in that order.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.learnt)

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
                self.heartbeat.beat()
                jobs, self._jobs = self._jobs, _queue()
                leaving, self._leaving = self._leaving, []
                results = await loop.run_in_executor(
                    self._thread, self._process, jobs, leaving, time.monotonic_ns()
                )
                self.statistics.results += len(results)
                if results or self._replaced or self._refusals:
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
        bounds, self._bounds = self._bounds, {}
        for subject, (slow_per_min, fast_per_min) in bounds.items():
            self._engine.bound_rates(subject, slow_per_min, fast_per_min)
        for job in jobs:
            self._try_feed(job, now_ns)
        results = [
            *self._engine.process(now_ns),
            *self._breathing.tick(now_ns),
            *self._oximetry.tick(),
        ]
        self._refuse_failed(now_ns)
        for subject in leaving:
            if subject not in bounds:
                self._engine.bound_rates(subject)
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
        for key, refused in list(self._refused.items()):
            if key[0] in leaving or (key[0], refused.device) in released:
                del self._refused[key]
        self.statistics.ticks += 1
        self.statistics.blocks += len(jobs)
        self.statistics.busy_s += time.perf_counter() - began
        return results

    def _try_feed(self, job: _Job, now_ns: int) -> None:
        """Take one block, or refuse its stream; nothing of it reaches another one."""
        key = (job.subject, job.metric)
        refused = self._refused.get(key)
        same = refused is not None and refused.device == job.device
        try:
            problem = rate_problem(job.metric, job.fs)
            if problem is not None:
                self._drop(key)
                self._refuse(key, job.device, problem, now_ns, now_ns)
            elif refused is not None and same and now_ns < refused.until_ns:
                self.statistics.refused_blocks += 1
            else:
                self._feed(job)
                if refused is not None and (now_ns - refused.at_ns >= STEADY_S * 1e9 or not same):
                    del self._refused[key]
                    self._refusals.append(Refusal(*key, refused.device, None))
        except Exception as error:
            self._fail(key, job.device, error, now_ns)

    def _fail(self, key: Key, device: str, error: Exception, now_ns: int) -> None:
        log.error("%s of %s cannot be analysed", key[1], device, exc_info=error)
        self._drop(key)
        reason = f"internal error ({type(error).__name__})"
        self._refuse(key, device, reason, now_ns, now_ns + round(RETRY_S * 1e9))

    def _refuse(self, key: Key, device: str, reason: str, now_ns: int, until_ns: int) -> None:
        self.statistics.refused_blocks += 1
        before = self._refused.get(key)
        self._refused[key] = _Refused(device, reason, now_ns, until_ns)
        if before is None or (before.device, before.reason) != (device, reason):
            if before is not None and before.device != device:
                self._refusals.append(Refusal(*key, before.device, None))
            self._refusals.append(Refusal(*key, device, reason))

    def _refuse_failed(self, now_ns: int) -> None:
        """Refuse the streams whose kernels raised in this tick."""
        engine = self._engine.take_failed()
        by_handle = {s.handle: key for key, s in self._streams.items() if s.handle in engine}
        failed = {by_handle[handle]: error for handle, error in engine.items()}
        failed |= self._breathing.take_failed()
        for subject, error in self._oximetry.take_failed().items():
            failed |= {
                (subject, m): error for m in (RED, INFRARED) if (subject, m) in self._streams
            }
        for key, error in failed.items():
            stream = self._streams.get(key)
            self._fail(key, "" if stream is None else stream.device, error, now_ns)

    def _drop(self, key: Key) -> None:
        """End a stream, if there is one, and all that was known of it."""
        self._kept.pop(key, None)
        stream = self._streams.pop(key, None)
        if stream is not None:
            self._close(stream)
            self._breathing.release(*key)
            self._replaced.append((*key, stream.device))

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
                self._close(self._streams.pop(key))
                stream, gap_samples = None, 0
        if stream is None:
            gap_samples = 0  # nothing came before
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
