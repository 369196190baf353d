"""Read a case file into a `Case`; every mistake is an error with file and line.

Unknown keys, knobs, actions, rhythms and variables, doses without a unit, actions that no ending or
mark can ever meet, missing languages, critical or harmful actions and missing bands are refused.
"""

import re
from pathlib import Path
from typing import Any

from teleward_simulators.cases.expression import Expression, ExpressionError, parse
from teleward_simulators.cases.lined_yaml import CaseError, Table, read
from teleward_simulators.cases.model import (
    GRADES,
    LANGUAGES,
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
"""What counts as stable where a case does not say."""
SCRIPT_NAMES = frozenset(
    {"t", "stable_for", "disposition", "resolved", "t_asystole", "t_pulseless", "rhythm"}
    | {f"faults_{sensor}" for sensor in SENSORS}
)
VARIABLES = SCRIPT_NAMES | frozenset(SHORT) | frozenset(FIELDS) | frozenset(KNOBS)
WORDS = frozenset(RHYTHMS)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*$")
_CHECK = re.compile(r"t(\d+)$")
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
    _known(table, _KEYS)
    for key in _NEEDED:
        if key not in table:
            raise table.fail(f"the key {key!r} is missing")
    if not _ID.match(str(table["id"])):
        raise table.fail(f"id {table['id']!r}: use small letters, digits and dashes", "id")
    marks = _marks(table)
    review = _mapping(table, "review", {"status", "reviewer", "date", "sources"})
    sources = _texts(review, "sources")
    if not sources:
        raise review.fail("a case names its sources")
    timeline = (*_ramps(table), *_timers(table), *_faults(table))
    key = table["key"]
    return Case(
        id=str(table["id"]),
        version=_whole(table, "version", 1, 10**6),
        file=path,
        title=_languages(table, "title"),
        opening=_languages(table, "opening"),
        difficulty=_whole(table, "difficulty", 1, 5),
        competencies=_texts(table, "competencies"),
        speed=_number(table, "speed", 1.0, 0.1, 60.0),
        person=_person(table),
        rhythm=_choice(table, "rhythm", RHYTHMS, "sinus"),
        knobs=_knobs(table),
        probabilities={k: float(v) for k, v in _mapping(table, "probabilities").items()},
        devices=_devices(table),
        setting=dict(_mapping(table, "setting", {"level", "staff", "link", "inventory"})),
        timeline=timeline,
        handlers=_handlers(table),
        guards=_guards(table),
        endings=_endings(table),
        stable=_expression(table, "stable", STABLE),
        findings={k: str(v) for k, v in _mapping(table, "findings").items()},
        questions=_questions(table),
        diagnosis=_hits(key, "dx"),
        disposition=_hits(key, "disposition"),
        marks=marks,
        checks=_bands(table, "checks"),
        treatment=_treatment(table),
        treated=_bands(_mapping(table, "treated", {"actions", "checks"}), "checks", table)
        if "treated" in table else (),
        twist=str(table.get("twist", "")),
        review_status=_choice(review, "status", ("unreviewed", "reviewed"), "unreviewed"),
        reviewer=review.get("reviewer"),
        review_date=str(review["date"]) if review.get("date") else None,
        sources=sources,
    )  # fmt: skip


def _known(table: Table, keys: frozenset[str] | set[str]) -> None:
    for key in table:
        if key not in keys:
            raise table.fail(f"unknown key {key!r}; there are {', '.join(sorted(keys))}", key)


def _mapping(table: Table, name: str, keys: set[str] | None = None) -> Table:
    value = table.get(name)
    if value is None:
        empty = Table()
        empty.file, empty.line, empty.lines = table.file, table.line, {}
        return empty
    if not isinstance(value, Table):
        raise table.fail(f"{name} is a mapping of keys to values", name)
    if keys is not None:
        _known(value, keys)
    return value


def _rows(table: Table, name: str, keys: set[str]) -> list[Table]:
    rows = table.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, Table) for row in rows):
        raise table.fail(f"{name} is a list of mappings", name)
    for row in rows:
        _known(row, keys)
    return rows


def _texts(table: Table, name: str) -> tuple[str, ...]:
    value = table.get(name) or []
    if not isinstance(value, list):
        raise table.fail(f"{name} is a list", name)
    return tuple(str(text) for text in value)


def _languages(table: Table, name: str) -> dict[str, str]:
    value = _mapping(table, name)
    for language in LANGUAGES:
        if not str(value.get(language, "")).strip():
            raise table.fail(f"{name} is missing in {language!r}", name)
    return {language: str(text) for language, text in value.items()}


def _number(table: Table, name: str, rest: float, low: float, high: float) -> float:
    value = table.get(name, rest)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise table.fail(f"{name}: {value!r} is no number from {low:g} to {high:g}", name)
    return float(value)


def _whole(table: Table, name: str, low: int, high: int) -> int:
    return int(_number(table, name, low, low, high))


def _choice(table: Table, name: str, known: Any, rest: str) -> str:
    value = str(table.get(name, rest))
    if value not in known:
        raise table.fail(f"{name} {value!r}: there are {', '.join(known)}", name)
    return value


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
    row = _mapping(table, "patient", set(Person.__slots__) | {"synthetic"})
    if row.get("synthetic") is not True:
        raise table.fail("patient: say synthetic: true; real people have no place here", "patient")
    values = {key: value for key, value in row.items() if key != "synthetic"}
    try:
        return Person(**values)
    except (TypeError, ValueError) as error:
        raise row.fail(str(error)) from None


def _knob(row: Table, name: str, value: float, key: str) -> None:
    try:
        checked(name, value)
    except ValueError as error:
        raise row.fail(str(error), key) from None


def _knobs(table: Table) -> dict[str, float]:
    row = _mapping(table, "knobs")
    for name, value in row.items():
        _knob(row, name, float(value), name)
    return {name: float(value) for name, value in row.items()}


def _devices(table: Table) -> tuple[str, ...]:
    devices = _texts(table, "devices")
    for device in devices:
        if device not in SENSORS:
            raise table.fail(f"device {device!r}: there are {', '.join(SENSORS)}", "devices")
    if not devices:
        raise table.fail("a case has at least one device", "devices")
    return devices


def _ramps(table: Table) -> list[Timed]:
    out = []
    for row in _rows(table, "physiology", {"at", "knob", "to", "over"}):
        _knob(row, str(row.get("knob")), _number(row, "to", 0, -1e3, 1e3), "knob")
        effect = Effect(
            "knob", row["knob"], "to", float(row["to"]), _number(row, "over", 0, 0, 1e6)
        )
        out.append(Timed(_number(row, "at", 0, 0, 1e6), (effect,)))
    return out


def _timers(table: Table) -> list[Timed]:
    rows = _rows(table, "timers", {"at", "do"})
    return [Timed(_number(row, "at", 0, 0, 1e6), _effects(row)) for row in rows]


def _faults(table: Table) -> list[Timed]:
    out = []
    for row in _rows(table, "faults", {"at", "sensor", "kind", "for", "value"}):
        out.append(Timed(_number(row, "at", 0, 0, 1e6), (_fault(row),)))
    return out


def _fault(row: Table) -> Effect:
    kind = _choice(row, "kind", FAULT_KINDS, "")
    sensor = _choice(row, "sensor", SENSORS, "")
    options: tuple[tuple[str, float | str], ...] = (("sensor", sensor),)
    if "value" in row:
        options += (("value", _number(row, "value", 0, -1e4, 1e4)),)
    return Effect("fault", kind, over_s=_number(row, "for", 60, 1, 1e6), options=options)


def _effects(table: Table) -> tuple[Effect, ...]:
    keys = {"knob", "to", "mul", "add", "hold", "over", "after", "rhythm", "rate", "act", "dose",
            "say", "fault", "sensor", "for", "value", "finding", "text", "mend"}  # fmt: skip
    rows = _rows(table, "do", keys)
    if not rows:
        raise table.fail("do: nothing happens here", "do")
    return tuple(_effect(row) for row in rows)


def _effect(row: Table) -> Effect:
    after = _number(row, "after", 0, 0, 1e6)
    if "knob" in row:
        return _knob_effect(row, after)
    if "rhythm" in row:
        name = _choice(row, "rhythm", RHYTHMS, "")
        return Effect("rhythm", name, value=_number(row, "rate", 0, 0, 300), after_s=after)
    if "act" in row:
        name = _choice(row, "act", ACTIONS, "")
        return Effect("act", name, after_s=after, text=_dose(row, name))
    if "say" in row:
        return Effect("say", "worker", after_s=after, text=str(row["say"]))
    if "finding" in row:
        return Effect("finding", str(row["finding"]), after_s=after, text=str(row.get("text", "")))
    if "mend" in row:
        fault = _choice(row, "fault", FAULT_KINDS, "")
        if fault in LINK_KINDS:
            raise row.fail(f"{fault} is the device's own and ends by itself", "fault")
        return Effect("mend", fault, after_s=after, text=_choice(row, "mend", SENSORS, ""))
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
    value = 0.0 if ways[0] == "hold" else _number(row, ways[0], 0, -1e3, 1e3)
    if ways[0] == "to":
        _knob(row, name, value, "to")
    return Effect("knob", name, ways[0], value, _number(row, "over", 0, 0, 1e6), after)


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
    for row in _rows(table, "handlers", {"on", "when", "do"}):
        action = _choice(row, "on", ACTIONS, "")
        when = _expression(row, "when", more=frozenset({"dose"})) if "when" in row else None
        out.append(Handler(action, when, _effects(row)))
    return tuple(out)


def _guards(table: Table) -> tuple[Guard, ...]:
    return tuple(
        Guard(_expression(row, "when"), _number(row, "for", 0, 0, 1e6), _effects(row),
              bool(row.get("again", False)))
        for row in _rows(table, "guards", {"when", "for", "do", "again"})
    )  # fmt: skip


def _endings(table: Table) -> tuple[Ending, ...]:
    rows = _rows(table, "ends", {"when", "for", "result"})
    if not rows:
        raise table.fail("a case has at least one ending", "ends")
    return tuple(
        Ending(_expression(row, "when"), _number(row, "for", 0, 0, 1e6), str(row.get("result")))
        for row in rows
    )


def _questions(table: Table) -> tuple[dict[str, str], ...]:
    rows = _rows(table, "questions", {"id", "ask", "answer"})
    return tuple({key: str(row.get(key, "")) for key in ("id", "ask", "answer")} for row in rows)


def _hits(key: Any, name: str) -> dict[str, tuple[str, ...]]:
    row = _mapping(key, name, {"hit", "near"})
    if not row.get("hit"):
        raise key.fail(f"key: {name} names at least one hit", name)
    return {"hit": _texts(row, "hit"), "near": _texts(row, "near")}


def _marks(table: Table) -> tuple[Mark, ...]:
    key = _mapping(table, "key", {"dx", "disposition", "actions"})
    out = []
    for row in _rows(key, "actions", {"id", "grade", "w", "from", "full", "zero", "dose"}):
        action = _choice(row, "id", ACTIONS, "")
        grade = _choice(row, "grade", GRADES, "")
        weight = _number(row, "w", {"critical": 3, "recommended": 1, "neutral": 0,
                                    "harmful": -2}[grade], -5, 5)  # fmt: skip
        if (grade == "harmful") != (weight < 0):
            raise row.fail(f"{action}: harmful actions, and only they, weigh less than 0", "w")
        out.append(
            Mark(action, grade, weight, _expression(row, "from") if "from" in row else None,
                 _number(row, "full", 300, 1, 1e6), _number(row, "zero", 750, 1, 1e6),
                 tuple(_mapping(row, "dose", {"per_kg", "max", "route", "tol", "unit"}).items()))
        )  # fmt: skip
    grades = {mark.grade for mark in out}
    for needed in ("critical", "harmful"):
        if needed not in grades:
            raise key.fail(f"a case has at least one {needed} action", "actions")
    return tuple(out)


def _bands(table: Table, name: str, parent: Table | None = None) -> tuple[Band, ...]:
    rows = _mapping(table, name)
    if not rows:
        raise (parent or table).fail("checks: at least one band is needed", name)
    out = []
    for when, bands in rows.items():
        match = _CHECK.match(when)
        if match is None:
            raise rows.fail(f"{name}: {when!r} is no time, write t120 for 120 s", when)
        for variable, band in bands.items():
            known = variable in VARIABLES or variable in ACTIONS
            if not known or variable == "rhythm":
                raise bands.fail(f"unknown variable {variable!r}", variable)
            if not isinstance(band, list) or len(band) != 2 or band[0] > band[1]:
                raise bands.fail(f"{variable}: a band is [low, high]", variable)
            out.append(Band(float(match.group(1)), variable, float(band[0]), float(band[1])))
    return tuple(sorted(out, key=lambda band: band.at_s))


def _treatment(table: Table) -> tuple[Step, ...]:
    treated = _mapping(table, "treated", {"actions", "checks"})
    steps = [
        Step(_number(row, "at", 0, 0, 1e6), _choice(row, "act", ACTIONS, ""),
             _dose(row, str(row.get("act"))))
        for row in _rows(treated, "actions", {"at", "act", "dose"})
    ]  # fmt: skip
    return tuple(sorted(steps, key=lambda step: step.at_s))


__all__ = ["CaseError", "case_of", "load"]
