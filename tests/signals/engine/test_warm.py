"""Warming covers every kernel that a ward runs: nothing is compiled or loaded afterwards."""

import os
import subprocess
import sys
from pathlib import Path

WARD = """
import gc
import numpy as np
from numba.core.dispatcher import Dispatcher
from teleward_gateway.ward.dsp_worker import DspWorker
from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.calibration import Calibration
from teleward_signal.engine.engine import Engine, EngineConfig
from teleward_signal.engine.kinds import _KINDS
from teleward_signal.model import Measurement

def ready():
    found = [o for o in gc.get_objects() if isinstance(o, Dispatcher)]
    return {d.py_func.__module__ + "." + d.py_func.__name__: sorted(map(str, d.overloads))
            for d in found if d.py_func.__module__.startswith("teleward") and d.overloads}

engine = Engine(EngineConfig())
engine.warm()
before = ready()
worker = DspWorker(engine, 0.2)
light = Calibration("test", "test", (1.0,), 0.1, 2.0)
rng = np.random.default_rng(1)
for second in range(40):
    for metric in (*_KINDS, "ppg_red"):
        for fs in (125.0, 250.0):
            block = (50 + rng.normal(0, 1, round(fs))).astype(np.float32)
            worker.push("anna " + str(fs), metric, fs, second * 10**9, block, 0, "d", light)
    jobs, worker._jobs = worker._jobs, type(worker._jobs)()
    worker._process(jobs, [], second * 10**9)
watch = AnomalyWatch()
watch.update("anna", Measurement("heart_rate", 70.0))
for second in range(0, 60, 5):
    watch.tick(second * 10**9)
after = ready()
print(len(before), *(name for name in after if after[name] != before.get(name)))
"""


def test_after_warming_nothing_is_compiled_or_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WARD], check=True, capture_output=True, text=True, timeout=300
    )
    kernels, *late = done.stdout.split()
    assert int(kernels) >= 6
    assert late == []


FIRST_START = """
import subprocess
from teleward_signal.engine import warm
from teleward_signal.compiled import cache
ran = []
warm._steps = lambda rate, options: [
    (name, lambda name=name: ran.append(name)) for name in ("long", "short", "others")]
warm.ROOM_KB = {room}
class Beside:
    def __init__(self, command, **_): ran.append("beside"); compile(command[-1], "", "exec")
    def wait(self): ran.append("waited")
subprocess.Popen = Beside
told = []
warm.warm(125.0, {{}}, lambda what, share: told.append(round(share, 2)))
print(*ran, *told)
"""


def first_start(folder: Path, room_kb: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_START.format(room=room_kb)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.split()


def test_a_first_start_compiles_in_two_processes_where_there_is_room(tmp_path: Path) -> None:
    shares = ["0.0", "0.33", "0.67", "1.0"]
    alone = ["long", "short", "others", *shares]
    assert first_start(tmp_path, 1 << 60) == alone
    if (os.cpu_count() or 1) > 1:
        together = ["beside", "long", "waited", "short", "others", *shares]
        assert first_start(tmp_path, 0) == together
    (folder,) = tmp_path.glob("teleward_signal-*")
    (folder / "kernel.nbi").touch()
    assert first_start(tmp_path, 0) == alone
