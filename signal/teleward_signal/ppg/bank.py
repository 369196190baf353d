"""PPG streams: light in, pulses, pulse rate and perfusion index out.

`PpgBank` follows the convention of ``bank.py``. The loop is in ``loop.py``, the memory of a
stream in ``state.py``, the algorithm is described in ``signal/README.md``.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.banks.slot_bank import SlotBank
from teleward_signal.ppg import loop
from teleward_signal.ppg.state import PPG_STATE, pulse_band, timing


class PpgBank(SlotBank):
    """Pulses of ``n_slots`` PPG streams of ``fs`` Hz (25 to 1000).

    Samples rise with blood volume, in any unit: levels are learned. ``inverted`` takes raw light
    intensity instead, which falls. The perfusion index (%) needs the steady part of the light: it
    is NaN for a plethysmogram whose device has removed it, and means nothing where a device has
    scaled it.
    """

    def __init__(self, fs: float, n_slots: int, inverted: bool = False) -> None:
        self._timing = timing(fs)
        self._sos = pulse_band(fs)
        if inverted:
            self._sos[0, :3] *= -1.0
        self._rest = design.steady_state(self._sos)
        super().__init__(fs, n_slots, PPG_STATE)

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
