"""The simulated devices on a case's patient: which kinds measure what the case allows."""

from teleward_simulators.cases.model import Case
from teleward_simulators.fleet import DeviceSpec
from teleward_simulators.sensors.link_faults import script_lines

KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "ox": ("pulse-oximeter", {}),
    "nibp": ("blood-pressure", {"interval_s": 60.0, "first_s": 5.0}),
    "ecg3": ("framed-serial", {}),
    "temp": ("thermometer", {}),
    "glu": ("glucose", {}),
}
"""Sensor -> kind of simulated device and its options; the rest is seen or asked for in the room.

The ECG module also carries the belt, so `rr` comes with it.
"""


def devices_of(case: Case, subject: str, log: str = "", seed: int = 0) -> list[DeviceSpec]:
    """Return the devices of ``case`` on ``subject``; ``log`` is the log of a room to follow.

    All share one source, so they measure one patient.
    """
    source = f"case:{case.id}" + (f"@{log}" if log else "")
    sensors = [sensor for sensor in case.devices if sensor in KINDS]
    if "rr" in case.devices and "ecg3" not in sensors:
        sensors.append("ecg3")
    specs = []
    for sensor in sensors:
        kind, options = KINDS[sensor]
        faults = script_lines(case, sensor)
        specs.append(
            DeviceSpec(kind, subject, source, seed=seed, options=dict(options), faults=faults)
        )
    return specs
