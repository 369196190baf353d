"""How much a case has to answer, to teach and to mark, and what is still missing."""

from dataclasses import dataclass, field

from teleward_simulators.cases.answers.derived import SIGNS
from teleward_simulators.cases.answers.items import EXAMINATION, HISTORY, TEST, catalogue
from teleward_simulators.cases.answers.measured import GROUPS
from teleward_simulators.cases.inventory import NEEDS, missing, stock_of
from teleward_simulators.cases.model import Case, Effect

LEAST_HISTORY, LEAST_EXAMINATION = 12, 10


@dataclass(frozen=True, slots=True)
class Counts:
    """What one case has; ``problems`` name what it lacks."""

    case: str
    schema: int
    history: int
    """Questions with an answer of this case."""
    examination: int
    """Examinations with an answer of this case or of its patient's body."""
    tests: int
    marks: int
    commented: int
    diagnostic: int
    problems: list[str] = field(default_factory=list)


def lint(case: Case) -> Counts:
    """Return the counts of ``case``."""
    written = {kind: 0 for kind in (HISTORY, EXAMINATION, TEST)}
    for item in case.answers:
        known = catalogue().get(item)
        if known is not None:
            written[known.kind] += 1
    shown = sum(
        1 for item in catalogue().values()
        if item.kind == EXAMINATION and item.id not in case.answers
        and (item.id in GROUPS or item.id in SIGNS)
    )  # fmt: skip
    marks = case.marks
    commented = sum(bool(m.comment and m.competency and m.source) for m in marks)
    giving_away = sum(a.reveals == "diagnostic" for rows in case.answers.values() for a in rows)
    counts = Counts(
        case.id, case.schema, written[HISTORY], written[EXAMINATION] + shown, written[TEST],
        len(marks), commented, giving_away,
    )  # fmt: skip
    counts.problems.extend(_problems(case, counts))
    return counts


def _problems(case: Case, counts: Counts) -> list[str]:
    out = []
    if counts.schema < 2:
        out.append("schema 1: answers, medication and allergies have no place of their own")
    if counts.history < LEAST_HISTORY:
        out.append(f"{counts.history} answers of history, at least {LEAST_HISTORY} are wanted")
    if counts.examination < LEAST_EXAMINATION:
        out.append(f"{counts.examination} answers of examination, wanted {LEAST_EXAMINATION}")
    for mark in case.marks:
        if not mark.comment:
            out.append(f"the mark {mark.action} has no teaching comment")
    for name in ("medication", "allergies"):
        if name not in case.answers:
            out.append(f"{name} is not stated")
    out += [
        f"{effect.kind} {dict(effect.texts)['en']!r} is in one language"
        for effect in _spoken(case) if len(set(dict(effect.texts).values())) < len(effect.texts)
    ]  # fmt: skip
    stock = stock_of(case)
    wanted = {step.action for step in case.treatment} | {mark.action for mark in case.marks}
    out += [
        f"{action} is in the key, and nothing for it in the inventory"
        for action in sorted(wanted) if missing(stock, NEEDS.get(action))
    ]  # fmt: skip
    return out


def _spoken(case: Case) -> list[Effect]:
    """Return every sentence and finding in the course of ``case``."""
    groups = [timed.effects for timed in case.timeline]
    groups += [handler.effects for handler in case.handlers]
    groups += [guard.effects for guard in case.guards]
    groups += [mark.effects for mark in case.marks]
    return [effect for effects in groups for effect in effects if effect.texts]
