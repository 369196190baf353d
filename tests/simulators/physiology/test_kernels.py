"""Kernels of the patient model: one set of types each, as the kernel cache needs."""

import gc

from numba.core.dispatcher import Dispatcher

from teleward_simulators.physiology.patient import PhysiologyPatient


def test_every_kernel_has_one_signature() -> None:
    """Processes that save other signatures of one kernel at once could mix up their files."""
    patient = PhysiologyPatient(seed=1)
    patient.waveform("ecg_ii", 250.0, 0, 500)
    several = {
        f"{found.py_func.__module__}.{found.py_func.__name__}"
        for found in gc.get_objects()
        if isinstance(found, Dispatcher) and found.py_func.__module__.startswith("teleward_sim")
        if len(found.signatures) > 1
    }
    assert several == set()
