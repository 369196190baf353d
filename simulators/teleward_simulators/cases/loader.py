"""Read a case file into a `Case`; every mistake is an error with file and line.

Unknown keys, knobs, actions, rhythms and variables, doses without a unit, actions that no ending or
mark can ever meet, missing languages, critical or harmful actions and missing bands are refused.
"""

import re
from pathlib import Path
from typing import TypedDict

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
from teleward_simulators.cases.health_record import record_of
from teleward_simulators.cases.lined_yaml import CaseError, Table, read
from teleward_simulators.cases.model import Band, Case, Effect, Ending, Guard, Handler, Step, Timed
from teleward_simulators.cases.read_answers import answers_of
from teleward_simulators.cases.read_bands import bands_of
from teleward_simulators.cases.read_effects import (
    RESULTS,
    condition,
    dose_of,
    effects_of,
    fault_of,
    knob_of,
)
from teleward_simulators.cases.read_marks import hits_of, marks_of
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.person import Person
from teleward_simulators.rhythms.table import RHYTHMS
from teleward_simulators.sensors.faults import SENSORS

STABLE = (
    "HR > 45 and HR < 130 and SBP >= 90 and SPO2 >= 90 and RR >= 8 and RR <= 35 "
    "and T > 32 and T < 40.5 and glucose > 55 and k_eff > 2.5 and k_eff < 6.8 and PH > 7.15"
)
"""Bands that count as stable unless a case sets its own."""
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*$")
_KEYS = frozenset(
    {
        "id", "version", "title", "opening", "difficulty", "competencies", "speed", "patient",
        "rhythm", "knobs", "probabilities", "devices", "setting", "physiology", "timers", "faults",
        "handlers", "guards", "ends", "stable", "findings", "questions", "key", "checks",
        "treated", "twist", "review", "schema", "history", "examination", "tests", "medication",
        "allergies", "record",
    }
)  # fmt: skip
_NEEDED = ("id", "version", "title", "opening", "difficulty", "patient", "devices", "key", "checks",
           "ends", "review")  # fmt: skip


def load(path: Path) -> Case:
    """Return the case of a file; raises CaseError ``file:line: reason``."""
    return case_of(read(path), path)


def case_of(table: Table, path: Path) -> Case:
    """Return the case that a parsed file holds."""
    _check_keys(table)
    schema = whole(table, "schema", 1, 2) if "schema" in table else 1
    review = _review(table)
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
        timeline=(*_ramps(table), *_timers(table), *_faults(table)),
        handlers=_handlers(table),
        guards=_guards(table),
        endings=_endings(table),
        stable=condition(table, "stable", STABLE),
        answers=answers_of(table),
        diagnosis=hits_of(marking, "dx", schema),
        disposition=hits_of(marking, "disposition", schema),
        marks=marks_of(table, schema, review["sources"][0]),
        checks=bands_of(table, "checks"),
        treatment=_treatment(table),
        treated=_treated(table),
        twist=str(table.get("twist", "")),
        schema=schema,
        record=record_of(table),
        **review,
    )


def _check_keys(table: Table) -> None:
    known(table, _KEYS)
    for key in _NEEDED:
        if key not in table:
            raise table.fail(f"the key {key!r} is missing")
    if not _ID.match(str(table["id"])):
        raise table.fail(f"id {table['id']!r}: use small letters, digits and dashes", "id")


class _Review(TypedDict):
    review_status: str
    reviewer: str | None
    review_date: str | None
    sources: tuple[str, ...]


def _review(table: Table) -> _Review:
    review = mapping(table, "review", {"status", "reviewer", "date", "sources"})
    sources = texts(review, "sources")
    if not sources:
        raise review.fail("a case names its sources")
    return {
        "review_status": choice(review, "status", ("unreviewed", "reviewed"), "unreviewed"),
        "reviewer": str(review["reviewer"]) if review.get("reviewer") else None,
        "review_date": str(review["date"]) if review.get("date") else None,
        "sources": sources,
    }


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


def _knobs(table: Table) -> dict[str, float]:
    row = mapping(table, "knobs")
    values = numbers(row, -1e3, 1e3)
    for name, value in values.items():
        knob_of(row, name, value, name)
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
        knob_of(row, str(row.get("knob")), number(row, "to", 0, -1e3, 1e3), "knob")
        effect = Effect("knob", row["knob"], "to", float(row["to"]), number(row, "over", 0, 0, 1e6))
        out.append(Timed(number(row, "at", 0, 0, 1e6), (effect,)))
    return out


def _timers(table: Table) -> list[Timed]:
    found = rows(table, "timers", {"at", "do"})
    return [Timed(number(row, "at", 0, 0, 1e6), effects_of(row)) for row in found]


def _faults(table: Table) -> list[Timed]:
    out = []
    for row in rows(table, "faults", {"at", "sensor", "kind", "for", "value"}):
        out.append(Timed(number(row, "at", 0, 0, 1e6), (fault_of(row),)))
    return out


def _handlers(table: Table) -> tuple[Handler, ...]:
    out = []
    for row in rows(table, "handlers", {"on", "when", "do"}):
        action = choice(row, "on", ACTIONS, "")
        when = condition(row, "when", more=frozenset({"dose"})) if "when" in row else None
        out.append(Handler(action, when, effects_of(row, layered=True)))
    return tuple(out)


def _guards(table: Table) -> tuple[Guard, ...]:
    return tuple(
        Guard(condition(row, "when"), number(row, "for", 0, 0, 1e6), effects_of(row),
              bool(row.get("again", False)))
        for row in rows(table, "guards", {"when", "for", "do", "again"})
    )  # fmt: skip


def _endings(table: Table) -> tuple[Ending, ...]:
    found = rows(table, "ends", {"when", "for", "result", "cure"})
    if not found:
        raise table.fail("a case has at least one ending", "ends")
    return tuple(
        Ending(condition(row, "when"), number(row, "for", 0, 0, 1e6),
               choice(row, "result", RESULTS, ""),
               condition(row, "cure") if "cure" in row else None)
        for row in found
    )  # fmt: skip


def _treatment(table: Table) -> tuple[Step, ...]:
    treated = mapping(table, "treated", {"actions", "checks"})
    steps = [
        Step(number(row, "at", 0, 0, 1e6), choice(row, "act", ACTIONS, ""),
             dose_of(row, str(row.get("act"))))
        for row in rows(treated, "actions", {"at", "act", "dose"})
    ]  # fmt: skip
    return tuple(sorted(steps, key=lambda step: step.at_s))


def _treated(table: Table) -> tuple[Band, ...]:
    if "treated" not in table:
        return ()
    return bands_of(mapping(table, "treated", {"actions", "checks"}), "checks", table)


__all__ = ["CaseError", "case_of", "load"]
