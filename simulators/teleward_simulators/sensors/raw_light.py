"""Red and infrared light through a finger, for devices that send it raw.

    pleth, saturation --inverse of the sensor's curve--> ratio of ratios R
    infrared = LEVEL (1 - DEPTH pleth)        red = LEVEL (1 - R DEPTH pleth)

A driver that is told the sensor (``sensor = "max30102"``) gets the saturation back.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.light_sensors import SENSORS as CURVES

RED, INFRARED = "ppg_red", "ppg_infrared"
LEVEL = 60.0
"""Steady light, in the unit of the stream: two thirds of a 16-bit converter."""
DEPTH = 0.03
"""A pleth of height 1 is a perfusion index of 3 %."""
CURVE = CURVES["max30102"]
_RATIOS = np.linspace(CURVE.lowest, CURVE.highest, 500)
_SATURATIONS = np.array([CURVE.spo2(ratio) or 0.0 for ratio in _RATIOS])


def ratio_of(saturation: float) -> float:
    """Return the ratio of ratios that the curve turns into ``saturation`` (%)."""
    return float(np.interp(saturation, _SATURATIONS[::-1], _RATIOS[::-1]))


def light(
    metric: str,
    pleth: NDArray[np.float32],
    times: NDArray[np.float64],
    saturation: Callable[[float], float | None],
) -> NDArray[np.float32]:
    """Return the light of ``pleth``, float32, same shape; ``saturation`` is asked each second.

    R moves on a straight line from second to second, one second late, so that nothing is asked
    that has not happened. Without a saturation there is no telling light: NaN.
    """
    if metric == INFRARED or not len(times):
        return (LEVEL * (1.0 - DEPTH * pleth)).astype(np.float32)
    seconds = np.arange(np.floor(times[0]), np.floor(times[-1]) + 2.0)
    found = [saturation(max(0.0, second - 1.0)) for second in seconds]
    ratios = [np.nan if value is None else ratio_of(value) for value in found]
    return (LEVEL * (1.0 - np.interp(times, seconds, ratios) * DEPTH * pleth)).astype(np.float32)
