"""When a mark was due: the first moment at which its condition held on what was shown.

    from: "SPO2 < 94"    the first screen with such a saturation
    from: "t >= 60"      that second of the case
    from: "rhythm == vf" the alarm that named the rhythm

Nobody is late for what no screen showed: where a condition needs what the room does not measure,
or another order, the mark has no window and counts in full whenever it is done.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from teleward_gateway.classroom.scoring.encounter import Encounter
from teleward_simulators.cases.expression import Expression, Value

SCREEN = {
    "HR": ("heart_rate", "pulse_rate"),
    "SPO2": ("spo2",),
    "SBP": ("nibp_systolic", "arterial_systolic"),
    "DBP": ("nibp_diastolic", "arterial_diastolic"),
    "MAP": ("nibp_mean", "arterial_mean"),
    "RR": ("respiratory_rate",),
    "T": ("body_temperature",),
    "ETCO2": ("etco2",),
    "G": ("glucose",),
}
"""Variables of a case, and the numbers on a screen that show them."""
RHYTHMS = {
    "ventricular_fibrillation": "vf",
    "ventricular_flutter": "vf",
    "ventricular_tachycardia": "vt",
    "asystole": "asystole",
}
"""Alarms, and the rhythms of a case that they show."""


@dataclass(frozen=True, slots=True)
class Due:
    """When a mark was due; ``at_ms`` None: it has no window. ``shown`` is what showed it."""

    at_ms: int | None = 0
    seq: int | None = None
    shown: str = ""


@dataclass(frozen=True, slots=True)
class _Moment:
    at_ms: int
    seq: int
    values: dict[str, float]
    rhythm: str

    def look(self, name: str) -> Value:
        """Return a variable as the screen shows it; raises KeyError before it is shown."""
        if name == "t":
            return self.at_ms / 1000.0
        if name == "rhythm":
            return self.rhythm
        for metric in SCREEN.get(name, ()):
            if metric in self.values:
                return self.values[metric]
        raise KeyError(name)


def due_of(condition: Expression | None, encounter: Encounter) -> Due | None:
    """Return when ``condition`` first held, at once without one; None when it never did."""
    if condition is None:
        return Due()
    if condition.names == {"t"}:
        return _by_time(condition, encounter)
    if not _is_shown(condition, encounter):
        return Due(None)
    for moment in _moments(encounter):
        try:
            holds = condition.holds(moment.look)
        except KeyError:
            continue
        if holds:
            return Due(moment.at_ms, moment.seq, _text(condition, moment))
    return None


def _by_time(condition: Expression, encounter: Encounter) -> Due | None:
    for second in range(encounter.end_ms // 1000 + 1):
        if condition.holds(lambda _, now=second: float(now)):  # type: ignore[misc]
            return Due(second * 1000)
    return None


def _is_shown(condition: Expression, encounter: Encounter) -> bool:
    """Return whether the encounter showed every variable of the condition at some time."""
    shown = {metric for reading in encounter.readings for metric in reading.values}
    return all(
        name in ("t", "rhythm") or bool(shown.intersection(SCREEN.get(name, ())))
        for name in condition.names
    )


def _moments(encounter: Encounter) -> Iterator[_Moment]:
    """Yield each moment at which the screen changed, with what had been done by then."""
    changes: list[tuple[int, int, dict[str, float] | str]] = [
        (reading.at_ms, reading.seq, reading.values) for reading in encounter.readings
    ]
    changes += [(at_ms, seq, RHYTHMS.get(name, "")) for at_ms, seq, name in encounter.rhythms]
    values: dict[str, float] = {}
    rhythm = ""
    for at_ms, seq, change in sorted(changes, key=lambda change: change[:2]):
        if isinstance(change, str):
            rhythm = change or rhythm
        else:
            values = change
        yield _Moment(at_ms, seq, values, rhythm)


def _text(condition: Expression, moment: _Moment) -> str:
    """Return the variables of the condition as they were shown, such as "SPO2 93"."""
    seen = []
    for name in sorted(condition.names - {"t"}):
        value = moment.look(name)
        seen.append(f"{name} {value:g}" if isinstance(value, float) and name in SCREEN else "")
    return ", ".join(text for text in seen if text)
