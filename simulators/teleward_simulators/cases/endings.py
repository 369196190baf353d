"""How an encounter ends: survived, died, harmed or unresolved, and always at some time.

To survive takes the condition of the case, a heart that beats, and every critical action or a true
cure: a disposition alone is no treatment. Sending home somebody whom the key does not send home
ends in harm; so does what is left unstable, or was harmed on the way, when the time is over.
"""

from collections.abc import Callable

from teleward_simulators.cases.dispositions import HOME, ORDERED, matches
from teleward_simulators.cases.expression import Expression, Read
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.script import NEVER, Script
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.rhythms.table import RHYTHMS

SURVIVED, DIED, HARMED, UNRESOLVED = "survived", "died", "harmed", "unresolved"
RESULTS = (SURVIVED, DIED, HARMED, UNRESOLVED)
ASYSTOLE_S = 120.0
"""Asystole for this long without compressions is death."""
FUTILE_S = 1800.0
"""Asystole for this long is death whatever is done."""
LEFT_S = 600.0
"""Who was sent home is lost sight of after this long; what became of them is found out."""

FOLLOWED_S = 43_200.0
"""For how long it is followed up whether who left died of it."""


class EndingWatch:
    """Looks for the end of one case.

    ``survives(step)`` answers whether the heart would still beat at that step were nothing done.
    """

    def __init__(
        self,
        case: Case,
        body: Body,
        bound: Callable[[Expression], Read],
        survives: Callable[[int], bool],
    ) -> None:
        self._case, self._body, self._survives = case, body, survives
        self._asystole = body.reader("t_asystole")
        self._when = tuple(bound(ending.when) for ending in case.endings)
        self._cure = tuple(bound(e.cure) if e.cure is not None else None for e in case.endings)
        self._limit = round(case.limit_s * STEPS_PER_S)
        self._critical = frozenset(case.critical())
        self._harmful = frozenset(m.action for m in case.marks if m.grade == "harmful")

    def look(self, state: Script) -> str:
        """Return the result when the encounter ends now, else an empty text."""
        return self._dead() or self._written(state) or self._left(state) or self._over(state)

    def _dead(self) -> str:
        seconds = float(self._asystole())
        if seconds <= ASYSTOLE_S:
            return ""
        compressed = self._body.engine.get("cpr") > 0.5
        return DIED if not compressed or seconds > FUTILE_S else ""

    def _written(self, state: Script) -> str:
        """Return the result of an ending of the file."""
        for index, ending in enumerate(self._case.endings):
            since = state.ending[index]
            if not self._when[index]() or (
                ending.result == SURVIVED and not self._earned(index, state)
            ):
                if since != NEVER:
                    state.ending = with_value(state.ending, index, NEVER)
                continue
            if since == NEVER:
                since = state.step
                state.ending = with_value(state.ending, index, since)
            if state.step - since >= ending.for_s * STEPS_PER_S:
                return ending.result
        return ""

    def _earned(self, index: int, state: Script) -> bool:
        """Return whether the heart beats and the critical work was done, or a cure made it moot."""
        if not self._beats():
            return False
        cure = self._cure[index]
        if cure is not None and cure():
            return True
        return self._critical <= {name for name, _ in state.counts}

    def _beats(self) -> bool:
        return RHYTHMS[self._body.rhythm].pulse

    def _left(self, state: Script) -> str:
        action, _, step = state.disposed
        gone = ORDERED.get(action) == HOME and not disposition_matches(self._case, state)
        if not gone or state.step - step < LEFT_S * STEPS_PER_S:
            return ""
        until = min(self._limit, state.step + round(FOLLOWED_S * STEPS_PER_S))
        return HARMED if self._beats() and self._survives(until) else DIED

    def _over(self, state: Script) -> str:
        if state.step < self._limit:
            return ""
        if not self._beats():
            return DIED
        done = {name for name, _ in state.counts}
        hurt = bool(done & self._harmful) or state.stable == NEVER
        return HARMED if hurt else UNRESOLVED


def disposition_matches(case: Case, state: Script) -> bool:
    """Return whether the newest disposition is one that the key asks for."""
    action, hours, _ = state.disposed
    words = (*case.disposition["hit"], *case.disposition["near"])
    return bool(action) and any(matches(word, action, hours) for word in words)


def with_value(values: tuple[int, ...], index: int, value: int) -> tuple[int, ...]:
    """Return ``values`` with one of them replaced."""
    return (*values[:index], value, *values[index + 1 :])
