"""What saturation a ratio of ratios means: a curve that belongs to one sensor and its optics.

    SpO2 = c0 R^n + c1 R^(n-1) + ... + cn        for lowest <= R <= highest

Drivers declare the curve of their sensor with each block of red light; without a declaration the
ratio is all that is known, and SpO2 is withheld.
"""

from dataclasses import dataclass
from math import isfinite

from teleward_signal.errors import Invalid


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
        """Refuse a calibration curve that does not name its purpose."""
        if not self.sensor or not self.source:
            raise Invalid("a calibration curve names its sensor and its source")
        if not self.coefficients or not self.lowest < self.highest:
            raise Invalid(f"calibration of {self.sensor}: coefficients and lowest < highest")

    def spo2(self, ratio: float) -> float | None:
        """Return the saturation, ``None`` outside the range of the curve."""
        if not isfinite(ratio) or not self.lowest <= ratio <= self.highest:
            return None
        value = 0.0
        for coefficient in self.coefficients:
            value = value * ratio + coefficient
        return min(100.0, max(0.0, value))
