"""The signal engine's thread: its queue is bounded, a failure ends nothing."""

import asyncio
from typing import Any

import numpy as np
import pytest

from teleward_gateway.ward.dsp_worker import MOST_BLOCKS, DspWorker
from teleward_signal.engine.engine import Engine, EngineConfig


def test_blocks_that_nobody_takes_make_room_and_are_counted() -> None:
    worker = DspWorker(Engine(EngineConfig()), 0.2)
    for n in range(MOST_BLOCKS + 5):
        worker.push("anna", "pleth", 125.0, n, np.zeros(1, np.float32))
    assert worker.statistics.dropped_blocks == 5
    assert (len(worker._jobs), worker._jobs[0].time_ns) == (MOST_BLOCKS, 5)


async def test_after_a_failure_the_detectors_learn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(EngineConfig())
    ticked = asyncio.Event()
    worker = DspWorker(engine, 0.01)
    worker.push("anna", "pleth", 125.0, 0, np.zeros(16, np.float32))
    with monkeypatch.context() as broken:
        broken.setattr(engine, "process", lambda now_ns: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda results: None)
    assert worker._streams == {}
    process = engine.process

    def note(now_ns: int) -> list[Any]:
        results = process(now_ns)
        loop.call_soon_threadsafe(ticked.set)
        return results

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(engine, "process", note)
    worker.push("anna", "pleth", 125.0, 10**9, np.zeros(16, np.float32))
    running = asyncio.create_task(worker.run(lambda results: None))
    async with asyncio.timeout(60):
        await ticked.wait()
    assert list(worker._streams) == [("anna", "pleth")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    worker.close()
