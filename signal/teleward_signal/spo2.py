"""SpO2 from raw light: ratio of ratios of red and infrared, and a calibration curve per sensor.

R = (AC_red / DC_red) / (AC_infrared / DC_infrared), by regression of red on infrared over some
three seconds. What saturation an R means depends on the wavelengths and the optics of the sensor:
there is no default curve. A driver that knows its sensor passes the sensor's own `Calibration`;
without one, R is all there is. Not a certified oximeter.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from teleward_signal import design, spo2_kernel
from teleward_signal.model import Measurement, Source
from teleward_signal.slot_bank import SlotBank, check_block

OXIMETRY_STATE = np.dtype(
    [
        ("n", np.int64),
        ("started", np.int64),
        ("missing", np.int64),
        ("z_red", np.float64, (2, 2)),
        ("z_infrared", np.float64, (2, 2)),
        ("mean_red", np.float64),
        ("mean_infrared", np.float64),
        ("both", np.float64),  # mean product of the pulsatile parts
        ("red_power", np.float64),
        ("infrared_power", np.float64),
        ("sqi", np.float32),
        ("reasons", np.uint32),
    ],
    align=True,
)

_TIMING = np.dtype(
    [
        ("second_n", np.int64),
        ("settle_n", np.int64),
        ("bridge_n", np.int64),
        ("mean_weight", np.float64),
        ("weight", np.float64),
    ],
    align=True,
)


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
        self._timing = np.zeros(1, _TIMING)
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
        spo2_kernel.advance_all(
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


@dataclass(frozen=True, slots=True)
class Calibration:
    """SpO2 (%) as a polynomial of R for one sensor.

    ``coefficients`` begin with the highest power; ``lowest`` and ``highest`` bound the R for which
    the curve was made; ``sensor`` and ``source`` say whose curve it is and where it comes from;
    ``arms`` is its root mean square error in % where published.
    """

    sensor: str
    source: str
    coefficients: tuple[float, ...]
    lowest: float
    highest: float
    arms: float | None = None

    def __post_init__(self) -> None:
        """Refuse a curve that does not say what it is for."""
        if not self.sensor or not self.source:
            raise ValueError("a calibration curve names its sensor and its source")
        if not self.coefficients or not self.lowest < self.highest:
            raise ValueError(f"calibration of {self.sensor}: coefficients and lowest < highest")

    def spo2(self, ratio: float) -> float | None:
        """Return the saturation, ``None`` outside the range of the curve."""
        if not isfinite(ratio) or not self.lowest <= ratio <= self.highest:
            return None
        value = 0.0
        for coefficient in self.coefficients:
            value = value * ratio + coefficient
        return min(100.0, max(0.0, value))

    def measure(self, ratio: float, quality: float, time_ns: int, floor: float) -> Measurement:
        """Return SpO2 as a derived measurement that names its curve; withheld below ``floor``."""
        value = self.spo2(ratio) if quality >= floor else None
        reason = None
        if value is None:
            low = not isfinite(ratio) or quality < floor
            reason = "poor_signal" if low else "outside_calibration"
        detail = {
            "ratio": round(ratio, 4) if isfinite(ratio) else None,
            "calibration": self.sensor,
            "arms": self.arms,
        }
        return Measurement("spo2", value, reason, quality, Source.DERIVED, time_ns, detail=detail)
