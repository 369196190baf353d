"""Where a case is: the state of a director as one value that a snapshot copies."""

from dataclasses import dataclass
from typing import NamedTuple

from teleward_simulators.cases.answers.answer import Texts
from teleward_simulators.cases.answers.worker import Result, Task
from teleward_simulators.cases.model import Effect
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.sensors.faults import ActiveFault

NEVER = -1


class Sentence(NamedTuple):
    """A sentence at the bedside, at a second of the case, in every language."""

    second: int
    who: str
    texts: Texts

    @property
    def text(self) -> str:
        """Return the sentence in English."""
        return dict(self.texts)["en"]


@dataclass(slots=True)
class Script:
    """Where a case is; values are immutable, so that a shallow copy is a snapshot."""

    step: int = 0
    """Tenths of a second of case time; also in `pending`, `held`, `ending` and `stable`."""
    pending: tuple[tuple[int, int, Effect], ...] = ()
    sequence: int = 0
    planned: int = 0
    """Entries up to this number belong to the timeline of the file."""
    held: tuple[int, ...] = ()
    """Step since which the condition of each guard holds, `NEVER` while it does not."""
    fired: tuple[bool, ...] = ()
    ending: tuple[int, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    disposed: tuple[str, float | None, int] = ("", None, NEVER)
    """The newest disposition: action, hours as ordered, step."""
    away: int = 0
    """Step until which the worker is away and does nothing else."""
    tasks: tuple[Task, ...] = ()
    """What the worker was asked and has not sampled yet."""
    results: tuple[Result, ...] = ()
    doubted: tuple[tuple[str, str], ...] = ()
    """Unusual doses that the worker asked about and has not given: action and dose."""
    volunteered: tuple[tuple[str, Texts], ...] = ()
    """What the worker saw last: item and texts."""
    stable: int = NEVER
    result: str = ""
    messages: tuple[Sentence, ...] = ()
    findings: tuple[tuple[str, Texts], ...] = ()
    faults: tuple[ActiveFault, ...] = ()
    bookmarks: tuple[tuple[int, str], ...] = ()

    @property
    def second(self) -> int:
        """Whole seconds of case time."""
        return self.step // STEPS_PER_S

    @property
    def stable_s(self) -> float:
        """Seconds for which the patient has been stable."""
        return 0.0 if self.stable == NEVER else (self.step - self.stable) / STEPS_PER_S
