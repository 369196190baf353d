"""Respiration streams: chest impedance (or any belt) in, breaths, rate and apnoea out.

`RespirationBank` follows the convention of ``bank.py``. The loop is in ``loop.py``,
the memory of a stream in ``state.py``, the algorithm is described in ``signal/README.md``.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.banks.slot_bank import SlotBank
from teleward_signal.respiration import loop
from teleward_signal.respiration.state import RESPIRATION_STATE, breath_band, timing


class RespirationBank(SlotBank):
    """Breaths of ``n_slots`` respiration streams of ``fs`` Hz (10 to 1000), in any unit.

    ``apnoea_s`` seconds without a breath are an apnoea (20 s for adults; 10 to 60).
    """

    def __init__(self, fs: float, n_slots: int, apnoea_s: float = 20.0) -> None:
        self._timing = timing(fs, apnoea_s)
        self._sos = breath_band(fs)
        self._rest = design.steady_state(self._sos)
        super().__init__(fs, n_slots, RESPIRATION_STATE)

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Advance every slot; shapes as in `bank.Bank.process`."""
        self._reserve(samples, counts)
        loop.advance_all(
            self._states,
            self._timing,
            samples,
            counts,
            self._sos,
            self._rest,
            self._events,
            self._used,
        )
        self._show()
