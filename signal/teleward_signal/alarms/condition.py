"""One alarm condition: its state, its evidence, and the event that each change of state makes."""

from dataclasses import dataclass, fields
from typing import Any

from teleward_signal.alarms.table import LATCHING, PRESENCE, TRANSITIONS, Event, State
from teleward_signal.model import AlarmEvent, AlarmKind, Presence, Priority


@dataclass(slots=True)
class Condition:
    """One condition of one subject.

    ``present`` is what the newest evidence says, whatever the state. ``since_ns`` is the first
    breach by the board's own clock, ``onset_ns`` the first signal by the caller's.
    """

    name: str
    kind: AlarmKind
    priority: Priority
    latching: bool
    delay_ns: int = 0
    metric: str | None = None
    state: State = State.QUIET
    present: bool = False
    since_ns: int = 0
    onset_ns: int = 0
    text: str = ""
    value: float | None = None
    limit: float | None = None
    author: str | None = None

    @property
    def is_signalled(self) -> bool:
        """Return whether the condition shows on the board."""
        return self.state in PRESENCE

    def take(self, event: Event, clock_ns: int) -> bool:
        """Move by the table; return whether what is seen outside has changed.

        ``clock_ns`` never goes back. A breach that has no delay elapses at once.
        """
        before = self.state
        if event is Event.BREACH and before is State.QUIET:
            self.since_ns = clock_ns
        table = LATCHING if self.latching else TRANSITIONS
        self.state = table.get((before, event), before)
        if self.state is State.PENDING and clock_ns - self.since_ns >= self.delay_ns:
            self.state = table[self.state, Event.ELAPSED]
        seen_before, seen = PRESENCE.get(before), PRESENCE.get(self.state)
        return seen_before is not seen

    def as_event(self, subject: str, now_ns: int) -> AlarmEvent:
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
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Condition":
        """Read what `to_dict` wrote."""
        typed = {
            "kind": AlarmKind(values["kind"]),
            "priority": Priority(values["priority"]),
            "state": State(values["state"]),
        }
        return cls(**(values | typed))
