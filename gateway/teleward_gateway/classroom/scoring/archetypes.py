"""Archetypes: logs of six kinds of learners on a case, so that its author sees what it rewards.

    expert          every mark about half-way through its window, all of the talk
    slow            the same, 2.6 times as late: three quarters of each mark are left
    shotgun         everything at once, harmful and needless orders too
    one_missing     an expert who leaves out the heaviest critical action
    diagnosis_only  names it, hands over, and does nothing
    idle            nothing at all

The patient is the case's own, untreated: what its screen would show decides what is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from teleward_gateway.classroom.events import Body, Draft, Event, kinds
from teleward_gateway.classroom.scoring.due import RHYTHMS, SCREEN, due_of
from teleward_gateway.classroom.scoring.encounter import encounter_of
from teleward_gateway.classroom.scoring.report import Report, report_of
from teleward_simulators.cases.model import Case, Mark
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.physiology.actions import ACTIONS

NAMES = ("expert", "slow", "shotgun", "one_missing", "diagnosis_only", "idle")
ROOM, SEAT = "r-1", "s-1"
SLOWER = 2.6
LEFT = 0.748
"""Share of each mark that is left to the slow one."""
NEEDLESS = 12
"""Orders of the shotgun that no key asks for."""
SHOWN_S = 15.0
LEAST_S = 3600.0
TEXTS = (
    "What is your name, and how old is the patient?",
    "I cannot examine him from here by phone; do you both agree?",
    "Who else is there with you?",
    "Please repeat that back.",
    "If he gets worse, call me again in 10 minutes.",
)


@dataclass(frozen=True, slots=True)
class Play:
    """What a learner does: orders by second, texts and thoughts."""

    acts: dict[str, float] = field(default_factory=dict)
    n_texts: int = 0
    asks: bool = False
    boxes: int = 0
    note: bool = False
    thinks: bool = True


def archetypes(case: Case) -> dict[str, Report]:
    """Return the report of each archetype on a case, best first in `NAMES`."""
    seen = list(_untreated(case))
    plays = _plays(case, seen)
    return {name: report_of(case, _log(case, plays[name], seen), ROOM, SEAT) for name in NAMES}


def _plays(case: Case, seen: list[tuple[float, Body]]) -> dict[str, Play]:
    expert = Play(_acts(case, seen, 1.0), len(TEXTS), asks=True, boxes=5, note=True)
    heaviest = max(
        (mark for mark in case.marks if mark.grade == "critical" and mark.action in expert.acts),
        key=lambda mark: mark.weight,
    )
    everything = [mark.action for mark in case.marks] + [
        name for name in ACTIONS if _is_needless(case, name)
    ][:NEEDLESS]
    return {
        "expert": expert,
        "slow": replace(expert, acts=_acts(case, seen, SLOWER), n_texts=3, asks=False),
        "shotgun": Play({name: 5.0 * i for i, name in enumerate(everything)}, 3, boxes=5),
        "one_missing": replace(
            expert, acts={n: at_s for n, at_s in expert.acts.items() if n != heaviest.action}
        ),
        "diagnosis_only": Play({}, 3, boxes=5, note=True),
        "idle": Play(thinks=False),
    }


def _is_needless(case: Case, name: str) -> bool:
    known = {mark.action for mark in case.marks}
    action = ACTIONS[name]
    return name not in known and not action.counted and bool(action.adds or action.layers)


def _acts(case: Case, seen: list[tuple[float, Body]], times: float) -> dict[str, float]:
    """Return when each mark that comes due is done: ``times`` as late as an expert does it."""
    screen = encounter_of(list(_numbered(case, seen)), ROOM, SEAT)
    found = {}
    for mark in (mark for mark in case.marks if mark.weight > 0):
        due = due_of(mark.from_, screen)
        if due is not None or mark.grade == "critical":  # what treatment makes due comes last
            due_s = _last_s(case) if due is None else (due.at_ms or 0) / 1000.0
            found[mark.action] = due_s + times * _delay_s(mark)
    return found


def _last_s(case: Case) -> float:
    """Return until when the untreated patient is looked at."""
    return max(LEAST_S, case.limit_s)


def _delay_s(mark: Mark) -> float:
    """Return how long after it was due an expert does it."""
    slow_s = mark.zero_s - LEFT * (mark.zero_s - mark.full_s)
    return min(slow_s / SLOWER, mark.full_s)


def _untreated(case: Case) -> Iterator[tuple[float, Body]]:
    """Yield what the screen of the untreated patient shows, by second of the case."""
    run = CaseRun(case)
    shown = {metric: name for name, metrics in SCREEN.items() for metric in metrics[:1]}
    rhythm = ""
    needed = [mark for mark in case.marks if mark.from_ is not None]
    at_s = 0.0
    while at_s < (_last_s(case) if needed else SHOWN_S):
        run.advance(SHOWN_S, coarse=True)
        at_s += SHOWN_S
        values = {metric: round(float(run.variable(name)), 1) for metric, name in shown.items()}
        yield at_s, kinds.Shown(tick=round(at_s * 10), readings=dict(values))
        if (now := str(run.variable("rhythm"))) != rhythm:
            rhythm = now
            for condition in [alarm for alarm, shown in RHYTHMS.items() if shown == rhythm][:1]:
                yield at_s, kinds.AlarmOn(condition=condition, priority="high")


def _log(case: Case, play: Play, seen: list[tuple[float, Body]]) -> list[Event]:
    """Return the events of one play on one case."""
    done = [*seen, *_deeds(play)]
    end_s = max((at_s for at_s, _ in done), default=0.0) + 60.0
    done += [(end_s, body) for body in _thoughts(case, play)]
    if play.asks:
        done += _red_flag(case)
    return list(_numbered(case, sorted(done, key=lambda row: row[0])))


def _numbered(case: Case, rows: list[tuple[float, Body]]) -> Iterator[Event]:
    opened = kinds.RoomOpened(subject="sim", case=case.id, case_version=case.version, seed=0)
    for seq, (at_s, body) in enumerate([(0.0, opened), *rows], 1):
        ms = round(at_s * 1000)
        yield Event.of(Draft("c-1", body, ROOM, SEAT, ms, ms), seq)


def _deeds(play: Play) -> Iterator[tuple[float, Body]]:
    for number, (name, at_s) in enumerate(play.acts.items()):
        task, tick = f"t-{number}", round(at_s * 10)
        yield at_s, kinds.ActOrdered(task=task, name=name, tick=tick)
        yield at_s, kinds.ActDone(task=task, name=name, tick=tick)
    for number, text in enumerate(TEXTS[: play.n_texts]):
        yield 20.0 * number, kinds.Message(who=SEAT, to="worker", text=text)


def _red_flag(case: Case) -> list[tuple[float, Body]]:
    """Return questions of history, those first that the case marks as warning signs."""
    flags = [n for n, rows in case.answers.items() if any(r.reveals == "red_flag" for r in rows)]
    asked = flags[:1] or ["onset", "course"]
    return [(30.0, kinds.AskAnswered(task=f"q-{name}", item=name, answer="Yes.")) for name in asked]


def _thoughts(case: Case, play: Play) -> Iterator[Body]:
    if play.thinks:
        named = case.diagnosis["hit"][0].replace("_", " ")
        yield kinds.ThinkDiagnosis(ranked=[(named, 0.9)])
        yield kinds.ThinkDisposition(disposition=case.disposition["hit"][0])
    if play.boxes:
        boxes = ["as written"] * play.boxes + [""] * (5 - play.boxes)
        names = ("identity", "situation", "background", "assessment", "recommendation")
        yield kinds.HandoverGiven(**dict(zip(names, boxes, strict=True)))
    if play.note:
        yield kinds.NoteWritten(text="Seen, treated and handed over.")
