"""ECG streams: millivolts in, beats with their class, heart rate and rhythm events out.

`EcgBank` follows the convention of ``bank.py``. The loop is in ``loop.py``, the memory of a
stream in ``ecg_state.py``, the algorithm is told in ``signal/README.md``.
"""

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.banks.slot_bank import SlotBank
from teleward_signal.ecg import loop
from teleward_signal.ecg.rhythm import follow_beat
from teleward_signal.ecg.state import (
    ECG_STATE,
    TRACE_WIDTH,
    detection_band,
    shape_band,
    sharp_band,
    timing,
)

Networks = tuple[NDArray[np.float32], ...]
NETWORKS = ("beat", "doubt", "ventricular", "supraventricular", "quality", "fibrillation")
"""Beat or not; the same, knowing what follows; ventricular or not; premature or not; error near
or not; atrial fibrillation or not."""


def load_networks() -> Networks:
    """Return the weights that come with the package, in the order of `NETWORKS`."""
    weights: dict[str, NDArray[np.float32]] = {}
    for name in ("ecg.npz", "fibrillation.npz"):  # the second is trained apart, on intervals
        with (files("teleward_signal") / "weights" / name).open("rb") as file:
            weights |= np.load(file, allow_pickle=False)
    return tuple(weights[name].astype(np.float32) for name in NETWORKS)


class EcgBank(SlotBank):
    """Beats, heart rate and rhythm of ``n_slots`` ECG streams of ``fs`` Hz, samples in mV.

    Rates below ``slow_per_min`` are reported as bradycardia, above ``fast_per_min`` as tachycardia.
    ``networks`` replaces the weights that come with the package.
    """

    def __init__(
        self,
        fs: float,
        n_slots: int,
        networks: Networks | None = None,
        slow_per_min: float = 50.0,
        fast_per_min: float = 120.0,
    ) -> None:
        self._timing = timing(fs, slow_per_min, fast_per_min)
        self._filters = (detection_band(fs), shape_band(fs), sharp_band(fs))
        self._rests = tuple(design.steady_state(band) for band in self._filters)
        self._networks = networks or load_networks()
        self.trace = np.zeros((4, 1, TRACE_WIDTH), np.float32)
        super().__init__(fs, n_slots, ECG_STATE)

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Advance every slot; shapes as in `bank.Bank.process`."""
        self._reserve(samples, counts)
        loop.advance_all(
            self._states,
            self._timing,
            samples,
            counts,
            self._filters,
            self._rests,
            self._networks,
            self.trace,
            self._events,
            self._used,
        )
        self._show()

    def compile_rhythm(self) -> None:
        """Compile the part of the loop that follows rhythms, a kernel of its own."""
        follow_beat(self._states[0], self._timing[0], 0.8, self._networks[-1], self._events[0], 0)
