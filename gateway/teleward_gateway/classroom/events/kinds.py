"""Kinds of events and their bodies, version 1 of the schema (docs/classroom-events.md).

A body has the fields that its kind needs and no others. Fields may be added with a default; they
are never renamed, removed or given another meaning within a version. ``tick`` is a tenth of a
second of the patient's own time (the time of waves and devices); ``at_case_ms`` of the event is
the time of the illness, which a teacher may speed up or hold.
"""

from typing import Any, Literal

from pydantic import Field

from teleward_gateway.classroom.events.body import KINDS as KINDS
from teleward_gateway.classroom.events.body import Body as Body
from teleward_gateway.classroom.events.body import Mode as Mode
from teleward_gateway.classroom.events.body import Phase as Phase
from teleward_gateway.classroom.events.body import Role as Role
from teleward_gateway.classroom.events.body import Unknown as Unknown


class ClassOpened(Body, kind="class.opened"):
    """A class begins: its lesson, mode and goals."""

    lesson: str
    title: dict[str, str]
    mode: Mode
    goals: dict[str, list[str]] = Field(default_factory=dict)
    study_level: int = 1


class ClassDoors(Body, kind="class.doors"):
    """The doors open or close for new seats."""

    open: bool


class ClassMode(Body, kind="class.mode"):
    """The class takes another mode."""

    mode: Mode


class ClassPhase(Body, kind="class.phase"):
    """The class enters a phase."""

    phase: Phase


class ClassPaused(Body, kind="class.paused"):
    """All rooms are held, or go on."""

    paused: bool


class ClassFrozen(Body, kind="class.frozen"):
    """A question to all: options, or a number when there are none."""

    question: str
    text: dict[str, str]
    options: list[dict[str, str]] = Field(default_factory=list)
    unit: str = ""
    answer: str = ""
    why: dict[str, str] = Field(default_factory=dict)
    seconds: float = 20.0


class ClassAnswered(Body, kind="class.answered"):
    """A seat's private answer: the index of an option, or a number, as text."""

    question: str
    value: str


class ClassThawed(Body, kind="class.thawed"):
    """The question is over and the rooms go on as before."""

    question: str


class ClassRewound(Body, kind="class.rewound"):
    """A room goes back to ``to_tick``; what followed there stays in the log, abandoned."""

    to_tick: int
    from_branch: int
    behind_s: float
    reason: str = ""


class ClassClosed(Body, kind="class.closed"):
    """The class is over; its seats are dissolved."""


class SeatJoined(Body, kind="seat.joined"):
    """A learner takes a seat."""

    name: str
    language: str = "en"
    role: Role = "learner"


class SeatLeft(Body, kind="seat.left"):
    """A seat is given up or taken away."""

    reason: Literal["left", "removed", "closed"] = "left"


class SeatReady(Body, kind="seat.ready"):
    """A learner is ready; the result of the check of screen and line."""

    ready: bool = True
    saw_trace: bool | None = None
    tapped_number: bool | None = None
    latency_ms: float | None = None


class SeatNamed(Body, kind="seat.named"):
    """A seat has another name or language."""

    name: str
    language: str = "en"


class SeatPlaced(Body, kind="seat.placed"):
    """A seat belongs to the room of the event, in a role."""

    role: Role


class SeatHand(Body, kind="seat.hand"):
    """A learner raises or lowers the hand."""

    up: bool


class RoomOpened(Body, kind="room.opened"):
    """A room on a case; with seed and orders it lives again, sample for sample."""

    subject: str
    case: str
    case_version: int
    seed: int
    exam: bool = False
    speed: float = 1.0


class RoomClosed(Body, kind="room.closed"):
    """A room is closed."""


class OrderSent(Body, kind="order.sent"):
    """A teacher's or the program's order to the patient at a tick; not an act of a learner."""

    tick: int
    order: str
    data: dict[str, Any] = Field(default_factory=dict)
    by: str = "teacher"


class AskPlaced(Body, kind="ask.placed"):
    """A learner asks the worker for history, an examination or a result."""

    task: str
    item: str
    text: str = ""
    tick: int = 0


class AskAnswered(Body, kind="ask.answered"):
    """The worker answers a question of history."""

    task: str
    item: str
    answer: str
    texts: dict[str, str] = Field(default_factory=dict)


class AskMisunderstood(Body, kind="ask.misunderstood"):
    """The worker does not know what was asked."""

    text: str
    suggestions: list[str] = Field(default_factory=list)


class ActOrdered(Body, kind="act.ordered"):
    """A learner orders a drug, shock, manoeuvre or disposition."""

    task: str
    name: str
    dose: str = ""
    tick: int = 0
    repeated: bool = False


class ActReadback(Body, kind="act.readback"):
    """The worker reads an order back; ``confirmed`` is the learner's answer, if there is one."""

    task: str
    text: str
    reason: str = ""
    confirmed: bool | None = None
    texts: dict[str, str] = Field(default_factory=dict)


class ActWaiting(Body, kind="act.waiting"):
    """The worker is away: the order reaches the bedside at ``tick`` and is done afterwards."""

    task: str
    name: str
    dose: str = ""
    tick: int
    confirmed: bool = False


class ActDone(Body, kind="act.done"):
    """The worker has done it: it reaches the patient at ``tick``.

    ``confirmed``: an unusual dose was asked back and meant; ``waited``: the order is the
    ``act.waiting`` of the task, and is no second one.
    """

    task: str
    name: str
    dose: str = ""
    tick: int
    confirmed: bool = False
    waited: bool = False


class ActRefused(Body, kind="act.refused"):
    """An order is not carried out; the worker was asked at ``tick``, 0 when not asked at all."""

    task: str
    name: str
    dose: str = ""
    reason: str
    tick: int = 0
    texts: dict[str, str] = Field(default_factory=dict)


class ResultReady(Body, kind="result.ready"):
    """The worker has found something out."""

    task: str
    item: str
    text: str
    texts: dict[str, str] = Field(default_factory=dict)


class Shown(Body, kind="shown"):
    """The numbers on the seat's screen, every five seconds and at every act; null is ``--``."""

    tick: int
    readings: dict[str, float | None]


class ThinkNews2(Body, kind="think.news2"):
    """A learner's NEWS2 points by parameter, beside those of the readings shown."""

    points: dict[str, int | None]
    total: int
    true_total: int | None = None


class ThinkDiagnosis(Body, kind="think.diagnosis"):
    """Up to three diagnoses, likeliest first, with a confidence from 0 to 1 each."""

    ranked: list[tuple[str, float]] = Field(min_length=1, max_length=3)


class ThinkDisposition(Body, kind="think.disposition"):
    """Where the patient shall go."""

    disposition: str


class Message(Body, kind="say"):
    """A message: from the worker, from a seat, or from the teacher to a room or to all."""

    who: str
    to: str = "room"
    text: str
    texts: dict[str, str] = Field(default_factory=dict)


class AlarmOn(Body, kind="alarm.on"):
    """An alarm of the room's patient begins."""

    condition: str
    priority: str
    metric: str | None = None
    value: float | None = None


class AlarmOff(Body, kind="alarm.off"):
    """An alarm of the room's patient ends."""

    condition: str


class AlarmAck(Body, kind="alarm.ack"):
    """A seat acknowledges an alarm."""

    condition: str


class FaultOn(Body, kind="fault.on"):
    """A fault of a sensor begins: ground truth, for the debrief only."""

    fault: str
    sensor: str
    tick: int
    seconds: float
    value: float | None = None


class FaultOff(Body, kind="fault.off"):
    """A fault of a sensor ends."""

    fault: str
    sensor: str
    tick: int


class ConsultAsked(Body, kind="consult.asked"):
    """A request to a senior, the class or the teacher, with the readings of that moment."""

    consult: str
    to: str
    text: str
    readings: dict[str, float | None] = Field(default_factory=dict)


class ConsultAnswered(Body, kind="consult.answered"):
    """An answer to a request."""

    consult: str
    text: str
    confidence: float | None = None


class HandoverGiven(Body, kind="handover.given"):
    """An ISBAR handover."""

    identity: str
    situation: str
    background: str
    assessment: str
    recommendation: str
    to_seat: str | None = None


class HandoverReadback(Body, kind="handover.readback"):
    """The receiver repeats two items and states the first five minutes."""

    items: list[str]
    plan: str = ""
    matched: bool | None = None


class HandoverTaken(Body, kind="handover.taken"):
    """The receiver holds the pen now."""

    from_seat: str | None = None


class NoteWritten(Body, kind="note.written"):
    """A note to the patient's record."""

    text: str


class Bookmark(Body, kind="bookmark"):
    """A moment that the teacher marks."""

    text: str
    tick: int


class Reflect(Body, kind="reflect"):
    """The learner's words before any score: about twenty, and one change."""

    words: str
    change: str


class Ended(Body, kind="ended"):
    """The encounter of a room ends."""

    result: str
