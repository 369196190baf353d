"""Who may do and see what in a class, by mode and role. Pure functions."""

from teleward_gateway.classroom.classes.state import ACTING, ClassState, Seat
from teleward_gateway.classroom.events.kinds import Role
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Conflict, Forbidden, Invalid

NEWS2 = ("rr", "spo2", "oxygen", "sbp", "pulse", "awake", "temp")
"""The seven rows of the sheet."""
LEAST_WORDS = 15
"""About twenty words are asked for; fewer than this are sent back."""


def role_for(state: ClassState, place: int) -> Role:
    """Return the role of the ``place``-th seat of a room, 0 first."""
    if state.mode == "hub_spoke":
        return ("spoke", "hub")[place] if place < 2 else "watcher"
    if state.mode in ("together", "relay"):
        return "pen" if place == 0 else "watcher"
    return "learner"


def room_size(state: ClassState) -> int:
    """Return how many seats share a room; 0 for all."""
    return {"together": 0, "relay": 2, "hub_spoke": 2}.get(state.mode, 1)


def check_encounter(state: ClassState) -> None:
    """Raise Conflict with the reason while no patient can be treated."""
    if state.frozen is not None:
        raise refusal(Conflict, "question")
    if state.paused:
        raise refusal(Conflict, "paused")
    if state.phase != "encounter":
        raise refusal(Conflict, "not_running")


def check_acting(state: ClassState, seat: Seat) -> None:
    """Raise Conflict or Forbidden when this seat's orders are not taken now."""
    check_encounter(state)
    if seat.room is None:
        raise refusal(Conflict, "no_patient")
    if seat.role not in ACTING:
        raise refusal(Forbidden, "pen")
    if state.rooms[seat.room].result:
        raise refusal(Conflict, "ended")


def sees_findings(state: ClassState, seat: Seat) -> bool:
    """Return whether what the worker finds and answers reaches this seat."""
    return seat.role != "hub"


def rung_of(state: ClassState, seat: Seat, link: str) -> str:
    """Return the most that the seat's screen gets of the devices: full, lean or numbers."""
    if seat.role == "spoke":
        return "numbers"
    return link if seat.role == "hub" else "full"


def check_words(words: str, change: str) -> None:
    """Raise Invalid when the words before the score are too few."""
    count = len(words.split())
    if count < LEAST_WORDS:
        raise refusal(Invalid, "few_words", n=count)
    if not change.strip():
        raise refusal(Invalid, "no_change")
