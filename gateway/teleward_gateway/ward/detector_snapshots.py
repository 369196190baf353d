"""Periodic snapshots of what the detectors have learnt, for a start after a crash.

An orderly stop writes the states into the data folder (`detector_store`). A process that is killed
cannot, so every `PERIOD_S` the same file goes into memory that outlives the process (``/dev/shm``):
on a memory card it would double what the journal writes. A power cut empties it, and the detectors
learn again.

    DSP thread   between two ticks: copy the states                  4 MB for 64 patients
    loop         which rhythms each detector claims on the alarm board
    thread       alarm board to disk, then the file

A snapshot is older than the crash. Where a rhythm began or ended in between, the board knows it and
the copied detector does not: it would never end that alarm, or never raise the next one. So a
stream goes on only when the restored board has exactly the claims that its snapshot had.
"""

import asyncio
import logging
from dataclasses import replace

from teleward_gateway.clock import GatewayClock
from teleward_gateway.ward.alarm_store import AlarmStore
from teleward_gateway.ward.detector_store import DetectorStore, KeptStream, Learnt
from teleward_gateway.ward.dsp_worker import DspWorker
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.anomaly.watch import AnomalyWatch

log = logging.getLogger(__name__)

PERIOD_S = 20.0
"""A third of what a restart may take: 40 s are left for the start itself."""


def still_valid(kept: Learnt, board: AlarmBoard) -> Learnt:
    """Return ``kept`` without the streams whose claims on ``board`` have changed since."""
    streams = [stream for stream in kept.streams if _claims(board, stream) == stream.claims]
    if len(streams) < len(kept.streams):
        changed = len(kept.streams) - len(streams)
        log.info("%d detectors learn from the start: their alarms have changed since", changed)
    return replace(kept, streams=streams)


def _claims(board: AlarmBoard, stream: KeptStream) -> tuple[str, ...]:
    return board.claimed_rhythms(stream.subject, stream.device, stream.metric)


class DetectorSnapshots:
    """Writer of the snapshots; ``store`` None means that this system has no memory for them."""

    def __init__(
        self,
        store: DetectorStore | None,
        dsp: DspWorker,
        anomaly: AnomalyWatch,
        board: AlarmBoard,
        alarm_store: AlarmStore,
        clock: GatewayClock,
    ) -> None:
        self._store = store
        self._dsp = dsp
        self._anomaly = anomaly
        self._board = board
        self._alarm_store = alarm_store
        self._clock = clock

    async def run(self) -> None:
        """Take a snapshot every `PERIOD_S` until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            await self.take()

    async def take(self) -> None:
        """Write what the detectors have learnt up to the newest tick."""
        if self._store is None:
            return
        learnt = await self._dsp.learnt_between_ticks()
        # no await from here on: the board has the results of these states and no later ones
        streams = [replace(each, claims=_claims(self._board, each)) for each in learnt]
        kept = Learnt(streams, self._anomaly.snapshot())
        await asyncio.to_thread(self._write, self._store, kept, self._board.snapshot())

    def _write(self, store: DetectorStore, kept: Learnt, board: dict[str, object]) -> None:
        # the board first: a crash in between leaves the older snapshot, which it contradicts
        self._alarm_store.save(board)
        store.save(kept, self._clock.now(), to_disk=False)
