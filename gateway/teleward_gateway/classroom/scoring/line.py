"""Line: one point of a score with all that explains it."""

from dataclasses import dataclass, field
from typing import Literal

Reason = Literal[
    "in_time", "late", "too_late", "missed", "not_due", "wrong_dose", "overdose", "harmful",
    "needless", "hit", "near", "other", "nothing", "done", "not_done",
]  # fmt: skip
"""Why a line has its points; pages have a sentence for each."""


@dataclass(frozen=True, slots=True)
class Line:
    """``points`` of ``most``, both in weights of the part it belongs to; times in ms of the case.

    ``due_ms`` to ``full_ms`` earns everything, ``zero_ms`` nothing; ``shown`` is the number that
    made it due, in the event ``due_event``. ``events`` are those that earned it, and a replay
    opens at ``at_ms``. ``wrote`` is the learner's answer and ``right`` that of the case: words of a
    diagnosis, or a place to go (transfer, observe, discharge, escalate).
    """

    part: str
    name: str
    reason: Reason
    points: float
    most: float
    label: dict[str, str]
    grade: str = ""
    at_ms: int | None = None
    events: tuple[int, ...] = ()
    due_ms: int | None = None
    due_event: int | None = None
    shown: str = ""
    full_ms: int | None = None
    zero_ms: int | None = None
    dose: str = ""
    wrote: str = ""
    right: str = ""
    comment: dict[str, str] = field(default_factory=dict)
    competency: str = ""
    source: str = ""
