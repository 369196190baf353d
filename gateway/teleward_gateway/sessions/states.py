"""The states of a session as one table; everything not in it is refused.

`TRANSITIONS` is the whole truth: the runner asks `after`, the documentation shows `diagram`.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a session stands."""

    IDLE = "idle"
    """Not running."""
    SEARCHING = "searching"
    """Waiting for the device's advertisement or its port to appear."""
    CONNECTING = "connecting"
    """Making the connection, the device's services included."""
    DISCOVERING = "discovering"
    """Carrying out what the driver wants first: subscriptions, clock, settings, pairing."""
    STREAMING = "streaming"
    """Values flow, or flow as soon as the device has something to send."""
    STALLED = "stalled"
    """Connected but silent too long: the link is being torn down."""
    BACKING_OFF = "backing_off"
    """Waiting before the next attempt."""
    REFUSED = "refused"
    """A person must act; tried again once a minute."""


class Event(StrEnum):
    """What moves a session."""

    START = "start"
    FOUND = "found"
    MISSING = "missing"
    CONNECTED = "connected"
    READY = "ready"
    SILENT = "silent"
    LOST = "lost"
    REFUSE = "refuse"
    RETRY = "retry"
    STOP = "stop"


_BUSY = (State.SEARCHING, State.CONNECTING, State.DISCOVERING, State.STREAMING, State.STALLED)

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.START): State.SEARCHING,
    (State.SEARCHING, Event.FOUND): State.CONNECTING,
    (State.SEARCHING, Event.MISSING): State.BACKING_OFF,
    (State.CONNECTING, Event.MISSING): State.BACKING_OFF,
    (State.CONNECTING, Event.CONNECTED): State.DISCOVERING,
    (State.DISCOVERING, Event.READY): State.STREAMING,
    (State.STREAMING, Event.SILENT): State.STALLED,
    (State.BACKING_OFF, Event.RETRY): State.SEARCHING,
    (State.REFUSED, Event.RETRY): State.SEARCHING,
    **{(state, Event.LOST): State.BACKING_OFF for state in _BUSY},
    **{(state, Event.REFUSE): State.REFUSED for state in _BUSY},
    **{(state, Event.STOP): State.IDLE for state in State},
}


def after(state: State, event: Event) -> State:
    """Return the state that ``event`` leads to; raises ValueError where the table has none."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"a session that is {state} cannot take {event}") from None


def diagram() -> str:
    """Return the table as a Mermaid state diagram; ``stop`` leads to idle from everywhere."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for (state, event), target in TRANSITIONS.items():
        if event is not Event.STOP:
            lines.append(f"    {state} --> {target}: {event}")
    return "\n".join(lines)
