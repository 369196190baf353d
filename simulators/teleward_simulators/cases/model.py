"""A case as values: the parsed, checked content of its file."""

from dataclasses import dataclass, field
from pathlib import Path

from teleward_simulators.cases.answers.answer import Texts, Written
from teleward_simulators.cases.expression import Expression
from teleward_simulators.physiology.person import Person

GRADES = ("critical", "recommended", "neutral", "harmful")
LANGUAGES = ("en", "hi")
SHORTEST_S = 300.0
"""A case is meant to be played for at least twice as long."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that happens, ``after_s`` seconds later.

    ``kind``: knob (with ``how`` to, mul, add or hold), rhythm, act, say, fault, mend, finding,
    delay (the worker is away for ``value`` s) or end (with ``name`` as the result). What an action
    multiplies or adds is ``layered``: it lies on top of the knob's course, stays for ``hold_s``
    (0: for good) and wanes over ``wane_s``. ``texts`` are the words of it by language.
    """

    kind: str
    name: str
    how: str = "to"
    value: float = 0.0
    over_s: float = 0.0
    after_s: float = 0.0
    text: str = ""
    texts: Texts = ()
    options: tuple[tuple[str, float | str], ...] = ()
    layered: bool = False
    hold_s: float = 0.0
    wane_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Handler:
    """What an action does in this case, besides what it always does."""

    action: str
    when: Expression | None
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """What happens once ``when`` has held for ``for_s`` seconds; once, unless ``again``."""

    when: Expression
    for_s: float
    effects: tuple[Effect, ...]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Timed:
    """What happens ``at_s`` seconds after the start: ramps, timers and faults alike."""

    at_s: float
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """When and how the encounter ends.

    To survive, every critical action must have been done, unless ``cure`` holds.
    """

    when: Expression
    for_s: float
    result: str
    cure: Expression | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """How an action counts; times in seconds after ``from`` holds, full marks until ``full_s``.

    A harmful one has ``effects`` on the patient, or ``why_no_effect`` says why it has none here.
    """

    action: str
    grade: str
    weight: float
    from_: Expression | None = None
    full_s: float = 300.0
    zero_s: float = 750.0
    dose: tuple[tuple[str, float | str], ...] = ()
    effects: tuple[Effect, ...] = ()
    why_no_effect: str = ""
    competency: str = ""
    comment: dict[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """At ``at_s`` the variable must lie in [low, high]."""

    at_s: float
    variable: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the treatment that the case itself shows to work."""

    at_s: float
    action: str
    dose: str = ""


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One line of a health record, ``days`` before the case; ``item`` is the test of a result."""

    days: int
    text: dict[str, str]
    item: str = ""


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """What earlier visits left on paper, the newest first."""

    visits: tuple[RecordEntry, ...]
    results: tuple[RecordEntry, ...]
    medicines: dict[str, str]
    allergies: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One teaching case."""

    id: str
    version: int
    file: Path
    title: dict[str, str]
    opening: dict[str, str]
    difficulty: int
    competencies: tuple[str, ...]
    speed: float
    person: Person
    rhythm: str
    knobs: dict[str, float]
    probabilities: dict[str, float]
    devices: tuple[str, ...]
    setting: dict[str, object]
    timeline: tuple[Timed, ...]
    handlers: tuple[Handler, ...]
    guards: tuple[Guard, ...]
    endings: tuple[Ending, ...]
    stable: Expression
    answers: dict[str, tuple[Written, ...]]
    """What the case answers by item of the catalogue, or by a name of its own."""
    diagnosis: dict[str, tuple[str, ...]]
    disposition: dict[str, tuple[str, ...]]
    marks: tuple[Mark, ...]
    checks: tuple[Band, ...]
    treatment: tuple[Step, ...]
    treated: tuple[Band, ...]
    twist: str
    review_status: str
    reviewer: str | None
    review_date: str | None
    sources: tuple[str, ...]
    schema: int = 1
    record: HealthRecord | None = None
    texts: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The review as shown wherever the case is."""
        by = f" by {self.reviewer}, {self.review_date}" if self.reviewer else ""
        return f"{self.review_status}{by}"

    @property
    def last_band_s(self) -> float:
        """Return when the last band of the file is due, treated or not."""
        return max((band.at_s for band in (*self.checks, *self.treated)), default=0.0)

    @property
    def limit_s(self) -> float:
        """Return when the encounter ends at the latest: twice the time of the last band."""
        return 2.0 * max(self.last_band_s, SHORTEST_S)

    def critical(self) -> tuple[str, ...]:
        """Return the critical actions."""
        return tuple(mark.action for mark in self.marks if mark.grade == "critical")
