"""Every kernel that a gateway runs, compiled or loaded before the first sample comes.

first start    this process compiles the ECG loop; a second one at the same time the part of it that
               is needed last, which follows rhythms, then the others
later          all are loaded from the folder of `kernel_cache`
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from teleward_signal.compiled.cache import is_empty
from teleward_signal.engine.kinds import Kind

if TYPE_CHECKING:
    import subprocess

Progress = Callable[[str, float], None]
Options = dict[str, dict[str, object]]
ROOM_KB = 700_000
"""Memory that must be free for a second process: each compiles in some 260 MB."""
COLLECT_AFTER = 20_000
"""Objects made between looks for garbage: a compiler makes millions that stay, and looking at them
again and again takes a tenth of its time."""

_BLOCK = np.zeros((1, 8), np.float32)
_COUNTS = np.array([8], np.int32)


def warm(rate_hz: float, options: Options, progress: Progress | None = None) -> None:
    """Compile or load every kernel, reporting to ``progress(what, share done)``."""
    names = [name for name, _ in _steps(rate_hz, options)]
    with _few_collections():
        beside = _start_beside() if is_empty() else None
        for done, (name, run) in enumerate(_steps(rate_hz, options)):
            if progress:
                progress(f"kernels for {name}", done / len(names))
            if beside is not None and done == 1:
                beside.wait()  # what it could not do is done here
            run()
    if progress:
        progress("kernels ready", 1.0)


def warm_others() -> None:
    """Compile what `warm` does not begin with: the work of the process beside it."""
    with _few_collections():
        _rhythm()
        for _, run in _steps(125.0, {})[1:]:
            run()


def _steps(rate_hz: float, options: Options) -> list[tuple[str, Callable[[], None]]]:
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
    """Where the loop gets to it before it is there, it is compiled twice and nothing else."""
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


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage less often."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _start_beside() -> "subprocess.Popen[bytes] | None":
    """Start a process that runs `warm_others`; ``None`` without a processor or memory for it."""
    import subprocess  # not needed by later starts

    free_kb = 0
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free_kb = int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    if (os.cpu_count() or 1) < 2 or free_kb < ROOM_KB:
        return None
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import warm_others as w; w()"
    with suppress(OSError):
        quiet = subprocess.DEVNULL
        return subprocess.Popen([sys.executable, "-c", code], stdout=quiet, stderr=quiet)
    return None
