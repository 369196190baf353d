"""ECG streams: millivolts in, beats with their class, heart rate and rhythm events out.

`EcgBank` follows the convention of ``banks/bank.py``. The loop and its theory are in ``loop.py``,
the memory of a stream is in ``state.py``, the weights are in ``networks.py``.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.slot_bank import SlotBank
from teleward_signal.ecg import loop
from teleward_signal.ecg.networks import Networks, load_networks
from teleward_signal.ecg.rhythm import follow_beat
from teleward_signal.ecg.state import ECG_STATE, timing


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
        self._networks = networks or load_networks()
        super().__init__(fs, n_slots, ECG_STATE)

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Advance every slot; shapes as in `bank.Bank.process`."""
        self._reserve(samples, counts)
        loop.advance_all(
            self._states,
            self._timing,
            samples,
            counts,
            self._networks,
            self._events,
            self._used,
        )
        self._show()

    def bound_rates(self, slot: int, slow_per_min: float, fast_per_min: float) -> None:
        """Set the bounds of one stream; 0 for those of the bank."""
        self._states["slow_per_min"][slot] = slow_per_min
        self._states["fast_per_min"][slot] = fast_per_min

    def compile_rhythm(self) -> None:
        """Compile the part of the loop that follows rhythms, a kernel of its own."""
        fibrillation = self._networks.fibrillation
        follow_beat(self._states[0], self._timing[0], 0.8, fibrillation, self._events[0], 0)
