"""A naive alarm board: facts by source, and what follows from them. Slow, plain, no table.

An alarm shows exactly while a source that can be observed says so, or while it has been missed:
a latching one also after that, until a person has seen it. "Cannot be observed" is not "over": an
alarm that a person has seen stays in view until its source says that it is over.
"""

from dataclasses import dataclass, field

S = 1_000_000_000
SILENCE_S = 30
STANDS_S = 4 * 3600
RINGS, SEEN = "rings", "seen"
HIGH = {"asystole", "ventricular_fibrillation", "apnoea", "spo2_very_low", "nibp_systolic_very_low"}
RHYTHM_NAMES = {
    "asystole", "ventricular_fibrillation", "apnoea", "narrow_tachycardia", "atrial_fibrillation",
}  # fmt: skip
LATCHES = HIGH | {"narrow_tachycardia"}
STREAMS = {"spo2"}


@dataclass
class Value:
    """The newest reading of a metric."""

    source: str
    observed: int
    valued: int
    value: float | None = None
    stream: bool = False
    restored: bool = False


@dataclass
class Facts:
    """What is known of one condition: who says so (True: can be observed), and what it shows."""

    says: dict[str, bool] = field(default_factory=dict)
    shows: str | None = None
    since: int | None = None
    inhibited: bool = False
    value: float | None = None


@dataclass
class Person:
    """One subject; ``low`` and ``very_low`` are the limits of SpO2."""

    low: float = 90
    very_low: float = 85
    facts: dict[str, Facts] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    last_seen: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    lead_off: set[str] = field(default_factory=set)
    paused_until: int = 0


class Oracle:
    """All subjects; ``clock`` is elapsed time in ns."""

    def __init__(self) -> None:
        self.clock = 0
        self.people: dict[str, Person] = {}

    def shown(self) -> dict[tuple[str, str], str]:
        """Return what every alarm that shows says: on, ack or latched."""
        found = {}
        for name, person in self.people.items():
            for condition, facts in person.facts.items():
                if facts.shows == SEEN:
                    found[name, condition] = "ack"
                elif facts.shows == RINGS:
                    found[name, condition] = "on" if any(facts.says.values()) else "latched"
        return found

    # what sources state

    def set(self, who: str, condition: str, source: str, seen: bool | None) -> None:
        """Set a source to stating it (True), unobservable (False) or stating nothing (None)."""
        person = self.people[who]
        facts = person.facts.setdefault(condition, Facts())
        was = any(facts.says.values())
        if seen is None:
            facts.says.pop(source, None)
        elif seen or source in facts.says:
            facts.says[source] = seen
        self._follow(person, condition, facts, was)

    def only(self, who: str, condition: str, source: str | None) -> None:
        """Set ``source`` alone to stating it, or nobody."""
        person = self.people[who]
        facts = person.facts.setdefault(condition, Facts())
        was = any(facts.says.values())
        facts.says = {} if source is None else {source: True}
        self._follow(person, condition, facts, was)

    def _follow(self, person: Person, condition: str, facts: Facts, was: bool) -> None:
        present = any(facts.says.values())
        if not present:
            facts.since = None
        elif facts.since is None:
            facts.since = self.clock
        if facts.inhibited:
            return
        delay = {"spo2_very_low": 5, "spo2_low": 10}.get(condition, 0) * S
        waited = facts.since is not None and self.clock - facts.since >= delay
        if present and (waited or facts.shows is not None):
            new = facts.shows is None or (facts.shows == RINGS and not was)
            if new and condition in HIGH:
                person.paused_until = 0
            facts.shows = facts.shows or RINGS
        elif present:
            return  # not long enough yet
        elif condition not in LATCHES:
            facts.shows = None
        elif facts.says and was and facts.shows == SEEN:
            facts.shows = RINGS  # seen as present; now nobody knows
        elif not facts.says and facts.shows == SEEN:
            facts.shows = None

    def blind(self, person: Person, condition: str, source: str) -> bool:
        """Return whether ``source`` cannot be observed for this rhythm."""
        off = source in person.lead_off and condition != "apnoea"
        return off or source in person.silent

    def rhythms_of(self, who: str, source: str) -> list[str]:
        """Return the rhythms that ``source`` has not ended."""
        facts = self.people[who].facts
        return [name for name in RHYTHM_NAMES if name in facts and source in facts[name].says]

    def see(self, who: str, source: str) -> None:
        """Samples came."""
        person = self.people[who]
        person.last_seen[source] = self.clock
        if source in person.silent:
            person.silent.discard(source)
            self.recover(who, source)

    def recover(self, who: str, source: str) -> None:
        """Take up what was lost and can be observed again."""
        person = self.people[who]
        for name in self.rhythms_of(who, source):
            if not self.blind(person, name, source):
                self.set(who, name, source, True)

    def lose(self, who: str, source: str, spared: str = "") -> None:
        """Lose the rhythms of a source."""
        for name in self.rhythms_of(who, source):
            if name != spared:
                self.set(who, name, source, False)

    def value(
        self, who: str, metric: str, source: str, value: float | None, observed: int, stream: bool
    ) -> None:
        """Take a reading; the newest by its own time wins."""
        person = self.people[who]
        known = person.values.get(metric)
        if known is None:
            known = person.values[metric] = Value(source, observed, self.clock)
        elif observed < known.observed and not known.restored:
            return
        known.source, known.observed, known.value, known.restored = source, observed, value, False
        known.stream = stream
        if value is None:
            missing = person.facts.setdefault(f"no_data:{metric}", Facts())
            missing.says = {source: True} if missing.says else {}
            return
        known.valued = self.clock
        self.only(who, f"no_data:{metric}", None)
        self.judge(who, metric)

    def judge(self, who: str, metric: str) -> None:
        """Compare the newest value with every limit of the metric."""
        person = self.people[who]
        known = person.values[metric]
        if known.value is None:
            return
        for condition, limit, inside in limits_of(person, metric):
            facts = person.facts.setdefault(condition, Facts())
            facts.value = known.value
            holds = facts.shows is not None and facts.says and known.value < limit + inside
            self.only(who, condition, known.source if known.value < limit or holds else None)

    def pass_time(self, seconds: int) -> None:
        """Pass seconds, one at a time."""
        self.clock += seconds * S

    def tick(self) -> None:
        """Look at everybody: silence, validity, delays."""
        for who, person in self.people.items():
            for metric, known in list(person.values.items()):
                if known.stream and self.clock - known.valued >= SILENCE_S * S:
                    self._silent(who, metric, known)
                elif not known.stream and self.clock >= self._stands_until(known):
                    self.drop_metric(who, metric)
            for source in {s for n in RHYTHM_NAMES for s in self._says(person, n)} - person.silent:
                last = person.last_seen.setdefault(source, self.clock)
                if self.clock - last >= SILENCE_S * S:
                    person.silent.add(source)
                    self.lose(who, source)
            for condition, facts in list(person.facts.items()):
                metric = "spo2" if condition.startswith("spo2_") else ""
                if metric in person.values and person.values[metric].value is not None:
                    self._follow(person, condition, facts, any(facts.says.values()))

    @staticmethod
    def _stands_until(known: Value) -> int:
        return known.observed + STANDS_S * S if known.valued >= known.observed else known.valued

    @staticmethod
    def _says(person: Person, condition: str) -> dict[str, bool]:
        return person.facts[condition].says if condition in person.facts else {}

    def _silent(self, who: str, metric: str, known: Value) -> None:
        person = self.people[who]
        if known.restored:
            del person.values[metric]
        else:
            known.value = None
            self.only(who, f"no_data:{metric}", known.source)
        for condition, _, _ in limits_of(person, metric):
            for source in list(self._says(person, condition)):
                self.set(who, condition, source, False)

    # ends

    def drop_metric(self, who: str, metric: str) -> None:
        """Forget a reading and what follows from it."""
        person = self.people[who]
        person.values.pop(metric, None)
        self.only(who, f"no_data:{metric}", None)
        for condition, _, _ in limits_of(person, metric):
            self.only(who, condition, None)

    def release(self, who: str, *sources: str) -> None:
        """End everything that sources said."""
        person = self.people[who]
        for metric in [m for m, known in person.values.items() if known.source in sources]:
            del person.values[metric]
        for condition, facts in person.facts.items():
            was = any(facts.says.values())
            if any(facts.says.pop(source, None) is not None for source in list(sources)):
                facts.says = {s: seen for s, seen in facts.says.items() if s not in sources}
                self._follow(person, condition, facts, was)
        for source in sources:
            person.lead_off.discard(source)
            person.silent.discard(source)
            person.last_seen.pop(source, None)

    # persons

    def acknowledge(self, who: str, condition: str) -> None:
        """A person has seen it; what is over ends, what may go on stays in view."""
        facts = self.people[who].facts.get(condition)
        if facts and facts.shows == RINGS and not facts.inhibited:
            facts.shows = SEEN if facts.says else None

    def inhibit(self, who: str, condition: str) -> None:
        """A person switches it off."""
        facts = self.people[who].facts.setdefault(condition, Facts())
        facts.inhibited, facts.shows = True, None

    def enable(self, who: str, condition: str) -> None:
        """A person switches it on: it starts again from what is so now."""
        facts = self.people[who].facts.get(condition)
        if facts and facts.inhibited:
            facts.inhibited = False
            facts.since = self.clock if any(facts.says.values()) else None
            self._follow(self.people[who], condition, facts, False)

    def restart(self) -> None:
        """Values are gone, their places and all alarms stay; silence counts from now."""
        for person in self.people.values():
            for known in person.values.values():
                known.value, known.restored = None, True
                if known.stream:
                    known.valued = self.clock
            person.last_seen.clear()


def limits_of(person: Person, metric: str) -> list[tuple[str, float, float]]:
    """Return (condition, lower limit, hysteresis) of a metric."""
    if metric == "spo2":
        return [("spo2_very_low", person.very_low, 1), ("spo2_low", person.low, 1)]
    return [("nibp_systolic_very_low", 80, 0)]
