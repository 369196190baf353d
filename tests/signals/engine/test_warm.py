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
# two processes that save other signatures of one kernel at once could mix up their files
print(*(name for name, signatures in after.items() if len(signatures) > 1))
"""


def test_after_warming_nothing_is_compiled_or_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WARD], check=True, capture_output=True, text=True, timeout=300
    )
    kernels, *late = done.stdout.split()
    assert int(kernels) >= 6
    assert late == []


SMALL = "teleward_gateway.live.steps:warm"
FIRST_START = """
import gc, sys
from numba.core.dispatcher import Dispatcher
from teleward_gateway.live.steps import warm as small
from teleward_signal.compiled.cache import is_complete
from teleward_signal.engine import warm
warm.CHILDREN = tuple(sys.argv[1].split())
warm.ROOM_KB = int(sys.argv[2])
warm._steps = lambda rate, options: [("steps", small)]
started, start = [], warm._start
warm._start = lambda functions, out: started.append(functions) or start(functions, out)
shares = []
warm.warm(125.0, {}, lambda what, share: shares.append(share))
found = [o for o in gc.get_objects() if isinstance(o, Dispatcher) and hasattr(o, "stats")]
compiled = sum(sum(d.stats.cache_misses.values()) for d in found)
print(len(started), compiled, is_complete(), shares == sorted(shares), shares[-1])
"""


def first_start(folder: Path, *children: str, room_kb: int = 0) -> list[str]:
    """Start with few kernels; return children, kernels compiled here and what is reported."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_START, " ".join(children), str(room_kb)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.split()


def test_a_first_start_compiles_in_children_only(tmp_path: Path) -> None:
    assert first_start(tmp_path, SMALL, SMALL) == ["2", "0", "True", "True", "1.0"]
    assert first_start(tmp_path, SMALL, SMALL) == ["0", "0", "True", "True", "1.0"]
    for mark in tmp_path.glob("*/complete"):  # as copied from another place
        mark.write_text(mark.read_text().replace("teleward_signal", "elsewhere"))
    assert first_start(tmp_path, SMALL, SMALL) == ["2", "0", "True", "True", "1.0"]


def test_children_follow_each_other_where_memory_is_short(tmp_path: Path) -> None:
    said = first_start(tmp_path, SMALL, SMALL, room_kb=1 << 60)
    assert said == ["2", "0", "True", "True", "1.0"]


def test_what_no_child_could_compile_is_compiled_here(tmp_path: Path) -> None:
    children, compiled, complete, *_ = first_start(tmp_path, "nothing:warm", "nothing:warm")
    assert (children, complete) == ("2", "True")
    assert int(compiled) > 0
