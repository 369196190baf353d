"""Compilation of every kernel before the first sample comes, in processes that end afterwards.

1. A first start compiles in child processes. What LLVM allocates for compiling it never returns,
   some 150 MB, so the process that runs for months must not compile.
2. The ECG loop takes half of the time: it has a child of its own. The other child begins with the
   rhythm kernel, which the first needs last and then loads.
3. On one core, or with little free memory, one child follows the other.
4. Then this process loads all kernels from the cache, as on every later start. It compiles only
   what a child could not.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import numpy as np

from teleward_signal.compiled.cache import is_complete, mark_complete
from teleward_signal.engine.kinds import Kind

Progress = Callable[[str, float], None]
Options = dict[str, dict[str, object]]
Step = tuple[str, Callable[[], None]]
ROOM_KB = 700_000
"""Free memory for two children at once: each needs some 260 MB."""
CHILDREN = (f"{__name__}:compile_ecg", f"{__name__}:compile_others")
"""What the two child processes call, as ``module:function``."""
CHILD_STEPS = 7
"""Lines that the children print in all: a group of kernels each."""

MOST_KERNELS = 64
"""More than one step compiles: so often can the disk refuse one."""

_BLOCK = np.zeros((1, 8), np.float32)
_COUNTS = np.array([8], np.int32)


def warm(
    rate_hz: float,
    options: Options,
    progress: Progress | None = None,
    others: Sequence[str] = (),
) -> None:
    """Compile or load every kernel, reporting to ``progress(what, share done)``.

    ``others`` are functions that compile kernels of other packages, each as ``module:function``;
    a first start calls them in a child process too.
    """
    report = progress or (lambda what, share: None)
    if not is_complete():
        _compile_in_children(report, others)
    if all([kept(run) for _, run in _steps(rate_hz, options)]):
        mark_complete()
    report("kernels ready", 1.0)


def kept(run: Callable[[], object]) -> bool:
    """Run a step; return whether what it compiled could be kept on the disk.

    A kernel that could not be saved is in memory all the same: the next attempt goes past it.
    """
    for attempt in range(MOST_KERNELS):
        with suppress(OSError):
            run()
            return attempt == 0
    run()
    return False


def compile_ecg() -> None:
    """Compile the ECG loop: the work of the first child."""
    _run(_steps(125.0, {})[:1])


def compile_others() -> None:
    """Compile all but the ECG loop: the work of the second child."""
    _run([("rhythms", _rhythm), *_steps(125.0, {})[1:]])


def _run(steps: list[Step]) -> None:
    for name, run in steps:
        run()
        print(name, flush=True)


def _compile_in_children(report: Progress, others: Sequence[str]) -> None:
    """Run the compiling functions in child processes; failures are left to this process."""
    first, second = [CHILDREN[0]], [*CHILDREN[1:], *others]
    batches = [[first, second]] if _has_room() else [[first], [second]]
    done = 0
    report("compiling kernels, first start only", 0.0)
    for batch in batches:
        reading, writing = os.pipe()
        with os.fdopen(reading) as lines:
            children = []
            for functions in batch:
                with suppress(OSError):
                    children.append(_start(functions, writing))
            os.close(writing)
            for line in lines:
                done += 1
                report(f"compiled kernels for {line.strip()}", min(0.9, done / (CHILD_STEPS + 1)))
            for child in children:
                child.wait()


def _start(functions: list[str], stdout: int) -> "subprocess.Popen[bytes]":
    # as a string: -m would run this module under a second name, whose kernels are other kernels
    code = f"from {__name__} import call; call({functions!r})"
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def call(functions: Sequence[str]) -> None:
    """Import and call each ``module:function``: what a child process does."""
    for name in functions:
        module, _, function = name.partition(":")
        getattr(import_module(module), function)()


def _has_room() -> bool:
    """Return whether there are two processors and memory for two children at once."""
    free_kb = 0
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free_kb = int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    return (os.cpu_count() or 1) > 1 and free_kb >= ROOM_KB


def _steps(rate_hz: float, options: Options) -> list[Step]:
    """Return what to warm, the longest first."""

    def bank(kind: Kind) -> Callable[[], None]:
        def run() -> None:
            made = kind.make_bank(rate_hz, 1, options)
            made.process(_BLOCK, _COUNTS)
            made.drain()

        return run

    kinds = sorted(Kind, key=lambda kind: kind is not Kind.ECG)
    steps = [(kind.value, bank(kind)) for kind in kinds]
    return [*steps, ("oximetry", _oximetry), ("derived numerics", _derived)]


def _rhythm() -> None:
    from teleward_signal.ecg.bank import EcgBank

    EcgBank(125.0, 1).compile_rhythm()


def _oximetry() -> None:
    from teleward_signal.spo2.bank import OximetryBank

    OximetryBank(125.0, 1).process(_BLOCK, _BLOCK, _COUNTS)


def _derived() -> None:
    """Breathing seen in other signals, and anomalies."""
    from teleward_signal.anomaly.bank import AnomalyBank
    from teleward_signal.respiration.modulation_bank import Carrier, ModulationBank

    ModulationBank(125.0, 1, Carrier.PPG).process(_BLOCK, _COUNTS)
    anomaly = AnomalyBank(1)
    anomaly.step(np.full((1, len(anomaly.metrics)), np.nan))
