"""The queue of the signal engine's thread is bounded."""

import numpy as np

from teleward_gateway.dsp_worker import MOST_BLOCKS, DspWorker
from teleward_signal.engine import Engine, EngineConfig


def test_blocks_that_nobody_takes_make_room_and_are_counted() -> None:
    worker = DspWorker(Engine(EngineConfig()), 0.2, lambda results: None)
    for n in range(MOST_BLOCKS + 5):
        worker.push("anna", "pleth", 125.0, n, np.zeros(1, np.float32))
    assert worker.statistics.dropped_blocks == 5
    assert (len(worker._jobs), worker._jobs[0].time_ns) == (MOST_BLOCKS, 5)
