"""SpO2 from raw light: the ratio of ratios of red and infrared.

R = (AC_red / DC_red) / (AC_infrared / DC_infrared), by regression of red on infrared over some
three seconds. What saturation an R means depends on the wavelengths and the optics of the sensor:
there is no default curve. A driver that knows its sensor gives its `calibration.Calibration` with
the light; without one, R is all there is. Not a certified oximeter.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.banks.slot_bank import SlotBank, check_block
from teleward_signal.spo2 import loop
from teleward_signal.spo2.state import OXIMETRY_STATE, OXIMETRY_TIMING


class OximetryBank(SlotBank):
    """Ratio of ratios of ``n_slots`` pairs of light intensities of ``fs`` Hz (25 to 1000).

    Events are of kind `EventKind.RATIO`, one a second.
    """

    def __init__(self, fs: float, n_slots: int) -> None:
        if not 25 <= fs <= 1000:
            raise ValueError(f"fs {fs} Hz is outside 25 to 1000 Hz; resample the light first")
        # the pulse and its first harmonics; above 5 Hz red carries little but noise
        self._sos = design.butterworth_bandpass(2, 0.5, 5.0, fs)
        self._rest = design.steady_state(self._sos)
        self._timing = np.zeros(1, OXIMETRY_TIMING)
        self._timing["second_n"] = round(fs)
        self._timing["settle_n"] = round(4.0 * fs)
        self._timing["bridge_n"] = round(0.1 * fs)
        self._timing["mean_weight"] = 1.0 / (2.0 * fs)
        self._timing["weight"] = 1.0 / (3.0 * fs)
        super().__init__(fs, n_slots, OXIMETRY_STATE)

    def process(
        self,
        red: NDArray[np.float32],
        infrared: NDArray[np.float32],
        counts: NDArray[np.int32],
    ) -> None:
        """Advance every slot: both channels of shape (n_slots, n_max), as in `bank.Bank`."""
        self._reserve(red, counts)
        check_block(infrared, counts, self.n_slots)
        loop.advance_all(
            self._states,
            self._timing,
            red,
            infrared,
            counts,
            self._sos,
            self._rest,
            self._events,
            self._used,
        )
        self._show()
