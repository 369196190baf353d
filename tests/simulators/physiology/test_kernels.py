"""Kernels of the patient model: one set of types each, as the kernel cache needs."""

import subprocess
import sys

PATIENT = """
import gc
from numba.core.dispatcher import Dispatcher
from teleward_simulators.physiology.patient import PhysiologyPatient

PhysiologyPatient(seed=1).waveform("ecg_ii", 250.0, 0, 500)
print(*sorted(
    found.py_func.__module__ + "." + found.py_func.__name__
    for found in gc.get_objects()
    if isinstance(found, Dispatcher) and found.py_func.__module__.startswith("teleward_sim")
    if len(found.signatures) > 1
))
"""


def test_every_kernel_has_one_signature() -> None:
    """Processes that save other signatures of one kernel at once could mix up their files.

    In a process of its own: other tests call kernels with types of theirs.
    """
    done = subprocess.run(
        [sys.executable, "-c", PATIENT], capture_output=True, text=True, check=True, timeout=250
    )
    assert done.stdout.strip() == ""
