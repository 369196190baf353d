"""Read a case file into a `Case`; every mistake is an error with file and line.

Unknown keys, knobs, actions, rhythms and variables, doses without a unit, actions that no ending or
mark can ever meet, missing languages, critical or harmful actions and missing bands are refused.
"""

import re
from pathlib import Path
from typing import Any

from teleward_simulators.cases.expression import Expression, ExpressionError, parse
from teleward_simulators.cases.fields import (
    choice,
    known,
    languages,
    mapping,
    number,
    numbers,
    rows,
    texts,
    whole,
)
from teleward_simulators.cases.lined_yaml import CaseError, Table, read
from teleward_simulators.cases.model import (
    GRADES,
    Band,
    Case,
    Effect,
    Ending,
    Guard,
    Handler,
    Mark,
    Step,
    Timed,
)
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.knobs import KNOBS, checked
from teleward_simulators.physiology.person import Person
from teleward_simulators.physiology.readings import SHORT
from teleward_simulators.physiology.record import FIELDS
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.rhythms.table import RHYTHMS
from teleward_simulators.sensors.faults import FAULT_KINDS, LINK_KINDS, SENSORS

STABLE = "HR > 45 and HR < 130 and SBP >= 90 and SPO2 >= 90 and RR >= 8 and RR <= 35"
"""Bands that count as stable unless a case sets its own."""
SCRIPT_NAMES = frozenset(
    {"t", "stable_for", "disposition", "resolved", "t_asystole", "t_pulseless", "rhythm"}
    | {f"faults_{sensor}" for sensor in SENSORS}
)
VARIABLES = SCRIPT_NAMES | frozenset(SHORT) | frozenset(FIELDS) | frozenset(KNOBS)
WORDS = frozenset(RHYTHMS)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*$")
_CHECK = re.compile(r"t([0-9]{1,6})$")
_KEYS = frozenset(
    {
        "id", "version", "title", "opening", "difficulty", "competencies", "speed", "patient",
        "rhythm", "knobs", "probabilities", "devices", "setting", "physiology", "timers", "faults",
        "handlers", "guards", "ends", "stable", "findings", "questions", "key", "checks",
        "treated", "twist", "review",
    }
)  # fmt: skip
_NEEDED = ("id", "version", "title", "opening", "difficulty", "patient", "devices", "key", "checks",
           "ends", "review")  # fmt: skip


def load(path: Path) -> Case:
    """Return the case of a file; raises CaseError ``file:line: reason``."""
    return case_of(read(path), path)


def case_of(table: Table, path: Path) -> Case:
    """Return the case that a parsed file holds."""
    known(table, _KEYS)
    for key in _NEEDED:
        if key not in table:
            raise table.fail(f"the key {key!r} is missing")
    if not _ID.match(str(table["id"])):
        raise table.fail(f"id {table['id']!r}: use small letters, digits and dashes", "id")
    marks = _marks(table)
    review = mapping(table, "review", {"status", "reviewer", "date", "sources"})
    sources = texts(review, "sources")
    if not sources:
        raise review.fail("a case names its sources")
    timeline = (*_ramps(table), *_timers(table), *_faults(table))
    marking = mapping(table, "key", {"dx", "disposition", "actions"})
    return Case(
        id=str(table["id"]),
        version=whole(table, "version", 1, 10**6),
        file=path,
        title=languages(table, "title"),
        opening=languages(table, "opening"),
        difficulty=whole(table, "difficulty", 1, 5),
        competencies=texts(table, "competencies"),
        speed=number(table, "speed", 1.0, 0.1, 60.0),
        person=_person(table),
        rhythm=choice(table, "rhythm", RHYTHMS, "sinus"),
        knobs=_knobs(table),
        probabilities=numbers(mapping(table, "probabilities"), 0.0, 1.0),
        devices=_devices(table),
        setting=dict(mapping(table, "setting", {"level", "staff", "link", "inventory"})),
        timeline=timeline,
        handlers=_handlers(table),
        guards=_guards(table),
        endings=_endings(table),
        stable=_expression(table, "stable", STABLE),
        findings={k: str(v) for k, v in mapping(table, "findings").items()},
        questions=_questions(table),
        diagnosis=_hits(marking, "dx"),
        disposition=_hits(marking, "disposition"),
        marks=marks,
        checks=_bands(table, "checks"),
        treatment=_treatment(table),
        treated=_bands(mapping(table, "treated", {"actions", "checks"}), "checks", table)
        if "treated" in table else (),
        twist=str(table.get("twist", "")),
        review_status=choice(review, "status", ("unreviewed", "reviewed"), "unreviewed"),
        reviewer=str(review["reviewer"]) if review.get("reviewer") else None,
        review_date=str(review["date"]) if review.get("date") else None,
        sources=sources,
    )  # fmt: skip


def _expression(table: Table, name: str, rest: str = "", more: frozenset[str] = frozenset()
                ) -> Expression:  # fmt: skip
    text = str(table.get(name, rest))
    try:
        found = parse(text, WORDS, lambda variable: variable == "rhythm")
    except ExpressionError as error:
        raise table.fail(f"{name}: {error}", name) from None
    for variable in found.names:
        if variable not in VARIABLES and variable not in ACTIONS and variable not in more:
            raise table.fail(f"{name}: unknown variable {variable!r} in {text!r}", name)
    return found


def _person(table: Table) -> Person:
    row = mapping(table, "patient", set(Person.__slots__) | {"synthetic"})
    if row.get("synthetic") is not True:
        raise table.fail(
            "patient: synthetic: true is missing; real people have no place here", "patient"
        )
    values = {key: value for key, value in row.items() if key != "synthetic"}
    try:
        return Person(**values)
    except (TypeError, ValueError, OverflowError) as error:
        raise row.fail(str(error)) from None


def _knob(row: Table, name: str, value: float, key: str) -> None:
    try:
        checked(name, value)
    except ValueError as error:
        raise row.fail(str(error), key) from None


def _knobs(table: Table) -> dict[str, float]:
    row = mapping(table, "knobs")
    values = numbers(row, -1e3, 1e3)
    for name, value in values.items():
        _knob(row, name, value, name)
    return values


def _devices(table: Table) -> tuple[str, ...]:
    devices = texts(table, "devices")
    for device in devices:
        if device not in SENSORS:
            raise table.fail(f"device {device!r}: there are {', '.join(SENSORS)}", "devices")
    if not devices:
        raise table.fail("a case has at least one device", "devices")
    return devices


def _ramps(table: Table) -> list[Timed]:
    out = []
    for row in rows(table, "physiology", {"at", "knob", "to", "over"}):
        if "to" not in row:
            raise row.fail("a ramp needs a target: write to: VALUE")
        _knob(row, str(row.get("knob")), number(row, "to", 0, -1e3, 1e3), "knob")
        effect = Effect("knob", row["knob"], "to", float(row["to"]), number(row, "over", 0, 0, 1e6))
        out.append(Timed(number(row, "at", 0, 0, 1e6), (effect,)))
    return out


def _timers(table: Table) -> list[Timed]:
    found = rows(table, "timers", {"at", "do"})
    return [Timed(number(row, "at", 0, 0, 1e6), _effects(row)) for row in found]


def _faults(table: Table) -> list[Timed]:
    out = []
    for row in rows(table, "faults", {"at", "sensor", "kind", "for", "value"}):
        out.append(Timed(number(row, "at", 0, 0, 1e6), (_fault(row),)))
    return out


def _fault(row: Table) -> Effect:
    kind = choice(row, "kind", FAULT_KINDS, "")
    sensor = choice(row, "sensor", SENSORS, "")
    options: tuple[tuple[str, float | str], ...] = (("sensor", sensor),)
    if "value" in row:
        options += (("value", number(row, "value", 0, -1e4, 1e4)),)
    return Effect("fault", kind, over_s=number(row, "for", 60, 1, 1e6), options=options)


def _effects(table: Table) -> tuple[Effect, ...]:
    keys = {"knob", "to", "mul", "add", "hold", "over", "after", "rhythm", "rate", "act", "dose",
            "say", "fault", "sensor", "for", "value", "finding", "text", "mend"}  # fmt: skip
    found = rows(table, "do", keys)
    if not found:
        raise table.fail("do: nothing happens here", "do")
    return tuple(_effect(row) for row in found)


def _effect(row: Table) -> Effect:
    after = number(row, "after", 0, 0, 1e6)
    if "knob" in row:
        return _knob_effect(row, after)
    if "rhythm" in row:
        name = choice(row, "rhythm", RHYTHMS, "")
        return Effect("rhythm", name, value=number(row, "rate", 0, 0, 300), after_s=after)
    if "act" in row:
        name = choice(row, "act", ACTIONS, "")
        return Effect("act", name, after_s=after, text=_dose(row, name))
    if "say" in row:
        return Effect("say", "worker", after_s=after, text=str(row["say"]))
    if "finding" in row:
        return Effect("finding", str(row["finding"]), after_s=after, text=str(row.get("text", "")))
    if "mend" in row:
        fault = choice(row, "fault", FAULT_KINDS, "")
        if fault in LINK_KINDS:
            raise row.fail(f"{fault} is the device's own and ends by itself", "fault")
        return Effect("mend", fault, after_s=after, text=choice(row, "mend", SENSORS, ""))
    if "fault" in row:
        row["kind"] = row["fault"]
        return _fault(row)
    raise row.fail("an effect is one of knob, rhythm, act, say, finding, fault, mend")


def _knob_effect(row: Table, after: float) -> Effect:
    name = str(row["knob"])
    ways = [way for way in ("to", "mul", "add", "hold") if way in row]
    if len(ways) != 1:
        raise row.fail(f"knob {name}: give one of to, mul, add, hold", "knob")
    if name not in KNOBS:
        _knob(row, name, 0.0, "knob")
    value = 0.0 if ways[0] == "hold" else number(row, ways[0], 0, -1e3, 1e3)
    if ways[0] == "to":
        _knob(row, name, value, "to")
    return Effect("knob", name, ways[0], value, number(row, "over", 0, 0, 1e6), after)


def _dose(row: Table, action: str) -> str:
    text = str(row.get("dose", ""))
    unit = ACTIONS[action].unit
    if text and not unit:
        raise row.fail(f"{action} takes no dose", "dose")
    if text:
        try:
            parse_dose(text, unit)
        except ValueError as error:
            raise row.fail(str(error), "dose") from None
    return text


def _handlers(table: Table) -> tuple[Handler, ...]:
    out = []
    for row in rows(table, "handlers", {"on", "when", "do"}):
        action = choice(row, "on", ACTIONS, "")
        when = _expression(row, "when", more=frozenset({"dose"})) if "when" in row else None
        out.append(Handler(action, when, _effects(row)))
    return tuple(out)


def _guards(table: Table) -> tuple[Guard, ...]:
    return tuple(
        Guard(_expression(row, "when"), number(row, "for", 0, 0, 1e6), _effects(row),
              bool(row.get("again", False)))
        for row in rows(table, "guards", {"when", "for", "do", "again"})
    )  # fmt: skip


def _endings(table: Table) -> tuple[Ending, ...]:
    found = rows(table, "ends", {"when", "for", "result"})
    if not found:
        raise table.fail("a case has at least one ending", "ends")
    return tuple(
        Ending(_expression(row, "when"), number(row, "for", 0, 0, 1e6), str(row.get("result")))
        for row in found
    )


def _questions(table: Table) -> tuple[dict[str, str], ...]:
    found = rows(table, "questions", {"id", "ask", "answer"})
    return tuple({key: str(row.get(key, "")) for key in ("id", "ask", "answer")} for row in found)


def _hits(key: Table, name: str) -> dict[str, tuple[str, ...]]:
    row = mapping(key, name, {"hit", "near"})
    if not row.get("hit"):
        raise key.fail(f"key: {name} names at least one hit", name)
    return {"hit": texts(row, "hit"), "near": texts(row, "near")}


def _marks(table: Table) -> tuple[Mark, ...]:
    key = mapping(table, "key", {"dx", "disposition", "actions"})
    out = []
    for row in rows(key, "actions", {"id", "grade", "w", "from", "full", "zero", "dose"}):
        action = choice(row, "id", ACTIONS, "")
        grade = choice(row, "grade", GRADES, "")
        weight = number(row, "w", {"critical": 3, "recommended": 1, "neutral": 0,
                                    "harmful": -2}[grade], -5, 5)  # fmt: skip
        if (grade == "harmful") != (weight < 0):
            raise row.fail(f"{action}: harmful actions, and only they, weigh less than 0", "w")
        out.append(
            Mark(action, grade, weight, _expression(row, "from") if "from" in row else None,
                 number(row, "full", 300, 1, 1e6), number(row, "zero", 750, 1, 1e6),
                 tuple(mapping(row, "dose", {"per_kg", "max", "route", "tol", "unit"}).items()))
        )  # fmt: skip
    grades = {mark.grade for mark in out}
    for needed in ("critical", "harmful"):
        if needed not in grades:
            raise key.fail(f"a case has at least one {needed} action", "actions")
    return tuple(out)


def _bands(table: Table, name: str, parent: Table | None = None) -> tuple[Band, ...]:
    times = mapping(table, name)
    if not times:
        raise (parent or table).fail("checks: at least one band is needed", name)
    out = []
    for when, bands in times.items():
        match = _CHECK.match(when)
        if match is None:
            raise times.fail(f"{name}: {when!r} is no time, write t120 for 120 s", when)
        if not isinstance(bands, Table):
            raise times.fail(f"{when}: write {{variable: [low, high]}}", when)
        for variable, band in bands.items():
            there = variable in VARIABLES or variable in ACTIONS
            if not there or variable == "rhythm":
                raise bands.fail(f"unknown variable {variable!r}", variable)
            low, high = _band(bands, variable, band)
            out.append(Band(float(match.group(1)), variable, low, high))
    return tuple(sorted(out, key=lambda band: band.at_s))


def _band(bands: Table, variable: str, band: Any) -> tuple[float, float]:
    wrong = bands.fail(f"{variable}: a band is [low, high]", variable)
    if not isinstance(band, list) or len(band) != 2:
        raise wrong
    for value in band:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
            raise wrong
    if band[0] > band[1]:
        raise wrong
    return float(band[0]), float(band[1])


def _treatment(table: Table) -> tuple[Step, ...]:
    treated = mapping(table, "treated", {"actions", "checks"})
    steps = [
        Step(number(row, "at", 0, 0, 1e6), choice(row, "act", ACTIONS, ""),
             _dose(row, str(row.get("act"))))
        for row in rows(treated, "actions", {"at", "act", "dose"})
    ]  # fmt: skip
    return tuple(sorted(steps, key=lambda step: step.at_s))


__all__ = ["CaseError", "case_of", "load"]
