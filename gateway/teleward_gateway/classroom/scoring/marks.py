"""Lines of the actions: what was due, done, late, left out, harmful or needless."""

from collections.abc import Iterator
from dataclasses import replace

from teleward_gateway.classroom.scoring.due import Due, due_of
from teleward_gateway.classroom.scoring.encounter import Deed, Encounter
from teleward_gateway.classroom.scoring.line import Line, Reason
from teleward_signal.errors import Invalid
from teleward_simulators.cases.action_words import action_label
from teleward_simulators.cases.dispositions import ORDERED
from teleward_simulators.cases.model import Case, Mark
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.physiology.units import parse_dose

NEEDLESS = -0.4
"""Points of an order that no key asks for: a shotgun hits, and costs."""
OVERDOSE = 10.0
"""Times the dose that was meant from which on an order is harmful."""
OVERDOSE_POINTS = -4.0
TOLERANCE = 0.3
"""A dose is right within so much of what was meant."""
FREE = frozenset({
    *ORDERED, "identify", "consent", "reassure", "safety_net", "name_trend", "examine",
    "auscultate", "blood_pressure", "temperature_check", "count_breaths", "reflexes_check",
    "remeasure", "reposition_sensor", "warm_hand", "compare_pulse", "call_help", "review_drugs",
})  # fmt: skip
"""Orders that cost nothing where no key asks for them: looking, talking, and asking for help."""


def mark_lines(case: Case, encounter: Encounter) -> list[Line]:
    """Return a line for every mark of the case that counts, then the needless orders."""
    lines = [line for mark in case.marks for line in _lines_of(case, mark, encounter)]
    known = {mark.action for mark in case.marks} | FREE
    return [*lines, *_needless(encounter, known)]


def _lines_of(case: Case, mark: Mark, encounter: Encounter) -> Iterator[Line]:
    deeds = [d for d in (*encounter.deeds, *encounter.questions) if d.name == mark.action]
    if mark.weight < 0:
        if deeds:
            yield _line(mark, deeds[0], "harmful", mark.weight, 0.0)
    elif mark.weight > 0:
        yield _earned(case, mark, deeds, due_of(mark.from_, encounter))


def _earned(case: Case, mark: Mark, deeds: list[Deed], due: Due | None) -> Line:
    """Return the line of a critical or recommended action: its best deed counts."""
    if due is None:
        first = deeds[0] if deeds else None
        return _line(mark, first, "not_due", *((mark.weight,) * 2 if first else (0.0, 0.0)))
    if not deeds:
        return _timed(_line(mark, None, "missed", 0.0, mark.weight), mark, due)
    lines = [_of_deed(case, mark, deed, due) for deed in deeds]
    worst = min(lines, key=lambda line: line.points)
    best = worst if worst.reason == "overdose" else max(lines, key=lambda line: line.points)
    return _timed(best, mark, due)


def _of_deed(case: Case, mark: Mark, deed: Deed, due: Due) -> Line:
    late_s = 0.0 if due.at_ms is None else max(0, deed.at_ms - due.at_ms) / 1000.0
    share = share_at(late_s, mark.full_s, mark.zero_s)
    reason: Reason = "in_time" if share == 1.0 else "late" if share > 0.0 else "too_late"
    times = _times_meant(case, mark, deed.dose)
    if times >= OVERDOSE:
        return _line(mark, deed, "overdose", OVERDOSE_POINTS, mark.weight)
    if share > 0.0 and abs(times - 1.0) > float(dict(mark.dose).get("tol", TOLERANCE)):
        share, reason = share / 2.0, "wrong_dose"
    return _line(mark, deed, reason, mark.weight * share, mark.weight)


def share_at(late_s: float, full_s: float, zero_s: float) -> float:
    """Return what is left of a mark ``late_s`` after it was due: 1, then linearly down to 0."""
    if late_s <= full_s:
        return 1.0
    return max(0.0, (zero_s - late_s) / (zero_s - full_s)) if zero_s > full_s else 0.0


def _times_meant(case: Case, mark: Mark, dose: str) -> float:
    """Return how many times the meant dose was given; 1 where the key names none."""
    rule = dict(mark.dose)
    if not dose or not rule:
        return 1.0
    try:
        given = float(parse_dose(dose, str(rule.get("unit") or ACTIONS[mark.action].unit)))
    except Invalid:
        return 1.0
    most = float(rule.get("max", float("inf")))
    if "per_kg" in rule:
        meant = min(float(rule["per_kg"]) * case.person.wt_kg, most)
        return given / meant if meant else 1.0
    return max(1.0, given / most)


def _line(mark: Mark, deed: Deed | None, reason: Reason, points: float, most: float) -> Line:
    return Line(
        "actions", mark.action, reason, round(points, 3), most, dict(action_label(mark.action)),
        grade=mark.grade, at_ms=deed.at_ms if deed else None, events=deed.seqs if deed else (),
        dose=deed.dose if deed else "", comment=mark.comment, competency=mark.competency,
        source=mark.source,
    )  # fmt: skip


def _timed(line: Line, mark: Mark, due: Due) -> Line:
    """Return a line with its window."""
    if due.at_ms is None:
        return line
    return replace(
        line, due_ms=due.at_ms, due_event=due.seq, shown=due.shown,
        full_ms=due.at_ms + round(mark.full_s * 1000),
        zero_ms=due.at_ms + round(mark.zero_s * 1000),
    )  # fmt: skip


def _needless(encounter: Encounter, known: set[str]) -> Iterator[Line]:
    """Yield a line for each other order, once: taking something away again costs nothing."""
    seen: set[str] = set()
    for deed in encounter.deeds:
        if deed.name in known or deed.name in seen or deed.name.endswith("_off"):
            continue
        seen.add(deed.name)
        yield Line(
            "actions", deed.name, "needless", NEEDLESS, 0.0, dict(action_label(deed.name)),
            grade="unnecessary", at_ms=deed.at_ms, events=deed.seqs, dose=deed.dose,
        )  # fmt: skip
