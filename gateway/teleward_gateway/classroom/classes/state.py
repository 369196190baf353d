"""State of a class: a fold of its events, the same while it runs and when it is rebuilt.

Nothing else changes a `ClassState`: what is to happen is appended to the log, and what the log has
numbered is applied here.
"""

from dataclasses import dataclass, field

from teleward_gateway.classroom.events import Event, kinds
from teleward_gateway.classroom.events.kinds import Role

ACTING = frozenset({"learner", "pen", "spoke"})
"""Roles whose orders the worker takes."""


@dataclass(slots=True)
class Seat:
    """A learner's seat; ``language`` is the one chosen at the door."""

    id: str
    name: str
    language: str = "en"
    role: Role = "learner"
    room: str | None = None
    ready: bool = False
    latency_ms: float | None = None
    hand: bool = False
    left: bool = False
    acted_wall_ms: int = 0
    last_act: str = ""
    answer: str | None = None
    news2: int | None = None
    diagnosis: list[tuple[str, float]] = field(default_factory=list)
    disposition: str = ""
    words: str = ""
    change: str = ""
    since_seq: int = 0
    """Events of the room before this one are not this seat's to see (relay)."""


@dataclass(slots=True)
class RoomRecord:
    """State of a room by the log."""

    id: str
    subject: str
    case: str
    seed: int
    exam: bool
    speed: float
    branch: int = 0
    behind_s: float = 0.0
    acts: list[tuple[int, str]] = field(default_factory=list)
    """Tick and name of what was done in the branch that counts."""
    result: str = ""
    closed: bool = False
    handed_over: str = ""

    @property
    def done(self) -> list[str]:
        """Names of what was done in the branch that counts."""
        return [name for _, name in self.acts]


@dataclass(slots=True)
class ClassState:
    """One class."""

    id: str
    lesson: str = ""
    title: dict[str, str] = field(default_factory=dict)
    mode: kinds.Mode = "parallel"
    goals: dict[str, list[str]] = field(default_factory=dict)
    study_level: int = 1
    phase: kinds.Phase = "doors"
    doors: bool = False
    paused: bool = False
    frozen: kinds.ClassFrozen | None = None
    frozen_wall_ms: int = 0
    asked: kinds.ClassFrozen | None = None
    """The newest question, over or not."""
    seats: dict[str, Seat] = field(default_factory=dict)
    rooms: dict[str, RoomRecord] = field(default_factory=dict)
    opened_wall_ms: int = 0
    last_seq: int = 0

    @property
    def held(self) -> bool:
        """Whether the teacher holds all rooms."""
        return self.paused or self.frozen is not None or self.phase != "encounter"

    @property
    def closed(self) -> bool:
        """Whether the class is over."""
        return self.phase == "closed"

    def present(self) -> list[Seat]:
        """Return the seats that are taken."""
        return [seat for seat in list(self.seats.values()) if not seat.left]

    def seats_of(self, room: str) -> list[Seat]:
        """Return the seats of a room."""
        return [seat for seat in self.present() if seat.room == room]

    def apply(self, event: Event) -> None:
        """Take one event of this class."""
        self.last_seq = max(self.last_seq, event.seq)
        seat = self.seats.get(event.seat or "")
        room = self.rooms.get(event.room or "")
        if isinstance(event.body, kinds.SeatJoined) and event.seat:
            body = event.body
            self.seats[event.seat] = Seat(event.seat, body.name, body.language, body.role)
        elif event.kind.startswith("class."):
            self._apply_class(event, seat, room)
        elif event.kind.startswith("seat.") and seat is not None:
            self._apply_seat(event, seat)
        else:
            self._apply_room(event, seat, room)

    def _apply_class(self, event: Event, seat: Seat | None, room: RoomRecord | None) -> None:
        match event.body:
            case kinds.ClassOpened() as body:
                self.lesson, self.title, self.mode = body.lesson, body.title, body.mode
                self.goals, self.study_level = body.goals, body.study_level
                self.opened_wall_ms = event.at_wall_ms
            case kinds.ClassDoors() as body:
                self.doors = body.open
            case kinds.ClassMode() as body:
                self.mode = body.mode
            case kinds.ClassPhase() as body:
                self.phase = body.phase
            case kinds.ClassPaused() as body:
                self.paused = body.paused
            case kinds.ClassFrozen() as body:
                self.frozen = self.asked = body
                self.frozen_wall_ms = event.at_wall_ms
                for each in self.seats.values():
                    each.answer = None
            case kinds.ClassAnswered() as body if seat is not None:
                seat.answer = body.value
            case kinds.ClassThawed():
                self.frozen = None
            case kinds.ClassRewound() as body if room is not None:
                room.branch, room.behind_s, room.result = event.branch, body.behind_s, ""
                room.acts = [act for act in room.acts if act[0] < body.to_tick]
            case kinds.ClassClosed():
                self.phase = "closed"

    def _apply_seat(self, event: Event, seat: Seat) -> None:
        match event.body:
            case kinds.SeatLeft():
                seat.left = True
            case kinds.SeatReady() as body:
                seat.ready, seat.latency_ms = body.ready, body.latency_ms
            case kinds.SeatNamed() as body:
                seat.name, seat.language = body.name, body.language
            case kinds.SeatPlaced() as body:
                if seat.room != event.room:
                    seat.since_seq = event.seq
                seat.room, seat.role = event.room, body.role
            case kinds.SeatHand() as body:
                seat.hand = body.up

    def _apply_room(self, event: Event, seat: Seat | None, room: RoomRecord | None) -> None:
        body = event.body
        if isinstance(body, kinds.RoomOpened) and event.room:
            self.rooms[event.room] = RoomRecord(
                event.room, body.subject, body.case, body.seed, body.exam, body.speed
            )
        elif room is not None:
            match body:
                case kinds.RoomClosed():
                    room.closed = True
                case kinds.OrderSent(order="clock", by="teacher") if body.data.get("speed"):
                    room.speed = float(body.data["speed"])
                case kinds.ActDone():
                    room.acts.append((body.tick, body.name))
                case kinds.Ended():
                    room.result = body.result
                case kinds.HandoverGiven():
                    room.handed_over = (
                        f"I {body.identity}\nS {body.situation}\nB {body.background}\n"
                        f"A {body.assessment}\nR {body.recommendation}"
                    )
        if seat is not None and isinstance(body, kinds.HandoverTaken):
            seat.since_seq = event.seq
        elif seat is not None:
            self._apply_thought(event, seat)

    def _apply_thought(self, event: Event, seat: Seat) -> None:
        match event.body:
            case kinds.ActOrdered() as body:
                seat.last_act = " ".join(filter(None, (body.name, body.dose)))
                seat.acted_wall_ms = event.at_wall_ms
            case kinds.AskPlaced() as body:
                seat.last_act, seat.acted_wall_ms = body.text or body.item, event.at_wall_ms
            case kinds.ThinkNews2() as body:
                seat.news2, seat.acted_wall_ms = body.total, event.at_wall_ms
            case kinds.ThinkDiagnosis() as body:
                seat.diagnosis, seat.acted_wall_ms = list(body.ranked), event.at_wall_ms
            case kinds.ThinkDisposition() as body:
                seat.disposition, seat.acted_wall_ms = body.disposition, event.at_wall_ms
            case kinds.Message():
                seat.acted_wall_ms = event.at_wall_ms
            case kinds.Reflect() as body:
                seat.words, seat.change = body.words, body.change


def folded(class_id: str, events: list[Event]) -> ClassState:
    """Return the state of a class from its events."""
    state = ClassState(class_id)
    for event in events:
        state.apply(event)
    return state
