"""Calibration curves of optical sensors, for drivers whose device sends raw red and infrared light.

A curve belongs to a sensor in its housing: it is declared here with its source, named by the person
who configures the device (option ``sensor``), and never assumed. Teaching aids, no oximeters.
"""

from collections.abc import Callable
from typing import Any

from teleward_drivers.options import read_options
from teleward_signal.calibration import Calibration
from teleward_signal.errors import Invalid

SENSORS = {
    "max30102": Calibration(
        sensor="max30102",
        # the table of that firmware is this polynomial, rounded, for R from 0.02 to 1.84; a patient
        # is never below 0.34, where the parabola has its peak of 100 %
        source="Maxim Integrated MAXREFDES117 reference design firmware, algorithm.h, 2016",
        coefficients=(-45.060, 30.354, 94.845),
        lowest=0.34,
        highest=1.84,
    ),
}
"""Curves by the name that a configuration gives. No accuracy is published with them."""


SENSOR_OPTION = {
    "sensor": f"whose curve turns raw red and infrared into SpO2: {', '.join(sorted(SENSORS))}; "
    "left out: the ratio only"
}
"""For ``DriverInfo.options``."""


def sensor_curve(driver: str, name: str) -> Calibration | None:
    """Return the curve of a sensor, ``None`` for no name; ValueError names driver and choices."""
    if not name:
        return None
    try:
        return SENSORS[name]
    except KeyError:
        known = ", ".join(sorted(SENSORS))
        raise Invalid(
            f"driver {driver}: no calibration curve for sensor {name!r}; there are: {known}. Leave "
            "the option out to record the ratio of ratios without SpO2"
        ) from None


def with_sensor(
    driver: str, make: Callable[[Calibration | None], Any]
) -> Callable[[dict[str, Any]], Any]:
    """Return a ``make`` for `DriverInfo` of a driver whose only option is the sensor."""

    def made(options: dict[str, Any]) -> Any:
        name = read_options(driver, options, {"sensor": (str, "")})["sensor"]
        return make(sensor_curve(driver, name))

    return made
