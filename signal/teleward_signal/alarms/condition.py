"""One alarm condition: its state, who claims it, and the event that each change of state makes.

A *claim* is a source's standing word that the condition is present. It is ``True`` while the
source can be observed and ``False`` while it cannot (silence, lead off): then the condition is
lost, not over. The claim ends when its source says so, is released, or is replaced.
"""

from dataclasses import dataclass, field, fields
from typing import Any

from teleward_signal.alarms.table import LATCHING, PRESENCE, TRANSITIONS, Event, State
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority


@dataclass(slots=True)
class Condition:
    """One condition of one subject.

    ``claims`` is what the sources say, whatever the state. ``since_ns`` is the first breach on the
    board's timeline; ``onset_ns``, the first signal in UTC, names the occurrence. ``extreme`` is
    the worst value that an event has reported since then.
    """

    name: str
    kind: AlarmKind
    priority: Priority
    latching: bool
    delay_ns: int = 0
    metric: str | None = None
    state: State = State.QUIET
    claims: dict[str, bool] = field(default_factory=dict)
    since_ns: int = 0
    onset_ns: int = 0
    text: str = ""
    value: float | None = None
    limit: float | None = None
    author: str | None = None
    extreme: float | None = None

    @property
    def is_signalled(self) -> bool:
        """Return whether the condition shows on the board."""
        return self.state in PRESENCE

    @property
    def is_present(self) -> bool:
        """Return whether a source that can be observed claims it."""
        return any(self.claims.values())

    @property
    def is_idle(self) -> bool:
        """Return whether nothing of it needs to be kept."""
        return self.state is State.QUIET and not self.claims

    def take(self, event: Event, clock_ns: int) -> bool:
        """Move by the table; return whether what is seen outside has changed.

        ``clock_ns`` never goes back. A breach that has no delay elapses at once.
        """
        before = self.state
        if event is Event.BREACH and before is State.QUIET:
            self.since_ns = clock_ns
        table = LATCHING if self.latching else TRANSITIONS
        self.state = table.get((before, event), before)
        waited = clock_ns - self.since_ns >= self.delay_ns
        if event is Event.BREACH and self.state is State.PENDING and waited:
            self.state = table[self.state, Event.ELAPSED]
        seen_before, seen = PRESENCE.get(before), PRESENCE.get(self.state)
        return seen_before is not seen

    def as_event(self, subject: str, now_ns: int, ends_pause: bool = False) -> AlarmEvent:
        """Return the present state as a message."""
        return AlarmEvent(
            subject,
            self.name,
            self.kind,
            self.priority,
            PRESENCE.get(self.state, Presence.OFF),
            now_ns,
            self.text,
            self.metric,
            self.value,
            self.limit,
            self.author,
            self.onset_ns or None,
            ends_pause,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Condition":
        """Read what `to_dict` wrote; what another version kept besides is left out."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        typed = {
            "kind": AlarmKind(values["kind"]),
            "priority": Priority(values["priority"]),
            "state": State(values["state"]),
        }
        return cls(**(known | typed))
