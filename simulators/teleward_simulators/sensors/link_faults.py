"""Case faults that a device carries out itself, as lines of a fleet's fault script."""

from teleward_simulators.cases.model import Case
from teleward_simulators.sensors.faults import LINK_KINDS


def script_lines(case: Case, sensor: str) -> list[str]:
    """Return the fault script of the device that is ``sensor``, in the device's own time."""
    lines = []
    for timed in case.timeline:
        for effect in timed.effects:
            options = dict(effect.options)
            if effect.kind != "fault" or options.get("sensor") != sensor:
                continue
            if effect.name in LINK_KINDS:
                lines.append(_line(effect.name, timed.at_s / case.speed, effect.over_s, options))
    return lines


def _line(kind: str, at_s: float, seconds: float, options: dict[str, float | str]) -> str:
    argument = LINK_KINDS[kind]
    value = f":{argument}={options['value']:g}" if argument and "value" in options else ""
    return f"{kind}@{at_s:g}+{seconds:g}{value}"
