"""The simulated devices on a case's patient: which kinds measure what the case allows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from teleward_simulators.cases.model import Case
from teleward_simulators.fleet import DeviceSpec

KINDS: Mapping[str, tuple[str, dict[str, Any]]] = MappingProxyType(
    {
        "ox": ("cms50d", {}),
        "nibp": ("blood-pressure", {"interval_s": 60.0, "first_s": 5.0}),
        "ecg3": ("framed-serial", {"waves": {"ecg_ii": 250.0}, "numerics": ["heart_rate"]}),
        "ecg12": ("framed-serial", {"module": "ecg12"}),
        "temp": ("thermometer", {}),
        "capno": ("framed-serial", {"module": "capnograph"}),
        "abp": ("framed-serial", {"module": "arterial-line"}),
        "fluids": ("framed-serial", {"module": "fluids"}),
        "defib": ("framed-serial", {"module": "defibrillator"}),
        "glu": ("glucose", {"stored": 0, "interval_s": 300.0, "first_s": 10.0}),
    }
)
"""Sensor -> kind of simulated device and its options; the rest is seen or asked for in the room.

A driver has the name of the kind. The ECG module also carries the belt, so `rr` comes with it;
beside a 12-lead module, which has the leads of the monitor too, it carries the belt alone.
"""
BELT: dict[str, Any] = {
    "waves": {"ecg_ii": 250.0, "respiration": 62.5},
    "numerics": ["heart_rate", "respiratory_rate"],
}
"""The options of an ECG module with a belt."""
BELT_ALONE: dict[str, Any] = {
    "waves": {"respiration": 62.5},
    "numerics": ["respiratory_rate"],
}


def devices_of(
    case: Case, subject: str, log: str = "", seed: int = 0, start: float | None = None
) -> list[DeviceSpec]:
    """Return the devices of ``case`` on ``subject``; ``log`` is the log of a room to follow.

    All share one source, so they measure one patient; ``start`` is its second zero
    (`time.monotonic`).
    """
    source = f"case:{case.id}" + (f"@{log}" if log else "")
    sensors = [sensor for sensor in case.devices if sensor in KINDS]
    if "ecg12" in sensors and "ecg3" in sensors:
        sensors.remove("ecg3")
    if "rr" in case.devices and "ecg3" not in sensors:
        sensors.append("ecg3")
    specs = []
    for sensor in sensors:
        kind, options = KINDS[sensor]
        if sensor == "ecg3" and "rr" in case.devices:
            options = BELT_ALONE if "ecg12" in sensors else BELT
        specs.append(
            DeviceSpec(
                kind, subject, source, seed=seed, options=dict(options), start=start, sensor=sensor
            )
        )
    return specs
