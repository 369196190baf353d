"""Report: the score of a seat's encounter, and every line that it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from teleward_gateway.classroom.events import Event
from teleward_gateway.classroom.scoring import formula
from teleward_gateway.classroom.scoring.encounter import Encounter, encounter_of
from teleward_gateway.classroom.scoring.line import Line
from teleward_gateway.classroom.scoring.marks import mark_lines
from teleward_gateway.classroom.scoring.talk import talk_lines
from teleward_gateway.classroom.scoring.thoughts import diagnosis_line, disposition_line
from teleward_simulators.cases.model import Case

CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Report:
    """A score of 0 to 100 and its lines; ``shares`` are the points of each part before the cap."""

    score: float
    parts: formula.Parts
    shares: dict[str, float]
    lines: tuple[Line, ...]
    result: str
    end_ms: int

    @property
    def passed(self) -> bool:
        """Whether the score is a pass."""
        return self.score >= formula.PASS


def report_of(case: Case, events: Sequence[Event], room: str, seat: str) -> Report:
    """Return the report of ``seat`` on the case of ``room``: the same log, the same report."""
    return report_on(case, encounter_of(events, room, seat))


def report_on(case: Case, encounter: Encounter) -> Report:
    """Return the report on an encounter."""
    marks = mark_lines(case, encounter)
    diagnosis, disposition = diagnosis_line(case, encounter), disposition_line(case, encounter)
    talk = talk_lines(case, encounter)
    parts = _parts(marks, {"diagnosis": diagnosis.points, "disposition": disposition.points}, talk)
    return Report(
        formula.score_of(parts),
        parts,
        {part: round(formula.share_of(part, parts), 1) for part in formula.WEIGHTS},
        (diagnosis, disposition, *marks, *talk),
        encounter.result,
        encounter.end_ms,
    )


def _parts(marks: list[Line], thoughts: dict[str, float], talk: list[Line]) -> formula.Parts:
    possible = sum(line.most for line in marks)
    earned = sum(line.points for line in marks if line.points > 0)
    lost = -sum(line.points for line in marks if line.points < 0)
    critical = [line for line in marks if line.grade == CRITICAL and line.most > 0]
    weight = sum(line.most for line in critical)
    share = sum(max(0.0, line.points) for line in critical) / weight if weight else 0.0
    spoken = [line.points for line in talk if line.part == "communication"]
    return formula.Parts(
        diagnosis=thoughts["diagnosis"],
        disposition=thoughts["disposition"],
        actions=formula.actions_share(earned, lost, possible),
        communication=sum(spoken) / len(spoken),
        handover=next(line.points for line in talk if line.part == "handover"),
        note=next(line.points for line in talk if line.part == "note"),
        critical=share,
        missed=tuple(line.name for line in critical if line.points <= 0),
        grave=tuple(line.name for line in marks if line.points <= formula.GRAVE),
    )
