"""JSON of a learner's screen, as HTTP and the WebSocket of a seat send it."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # that of Python 3.11 hides its optional keys from pydantic

from teleward_gateway.classroom.events.kinds import Mode, Phase, Role
from teleward_simulators.cases.health_record import ShownRecord

Texts = dict[str, str]
"""A text by language."""


class ClassFacts(TypedDict):
    """What every seat knows of its class."""

    title: Texts
    mode: Mode
    phase: Phase
    paused: bool
    study_level: int
    goals: dict[str, list[str]]


class OwnSeat(TypedDict):
    """The seat whose screen it is."""

    id: str
    name: str
    role: Role
    language: str
    ready: bool
    hand: bool
    acting: bool
    diagnosis: list[tuple[str, float]]
    disposition: str
    news2: int | None
    words: str
    change: str


class OtherSeat(TypedDict):
    """Another seat of the room."""

    id: str
    name: str
    role: Role


class Question(TypedDict):
    """A question to all; the right answer and its reason only once it is over."""

    id: str
    text: Texts
    options: list[Texts]
    unit: str
    mine: str | None
    over: bool
    left_s: float
    answer: NotRequired[str]
    why: NotRequired[Texts]


class Person(TypedDict):
    """Age in years and sex of the patient."""

    age: int
    sex: str


class Figure(TypedDict):
    """How the patient looks: breaths a minute in steps of 4, the rest in quarters from 0 to 1."""

    breaths: float
    effort: float
    blue: float
    sweat: float


class QueueItem(TypedDict):
    """Something that the worker has still to find out; seconds of case time until it is there."""

    labels: Texts
    left_s: int


class Queue(TypedDict):
    """What the worker is doing; ``away_s`` is above 0 while the bedside has no worker."""

    away_s: int
    items: list[QueueItem]


class RoomFacts(TypedDict):
    """What a room shows to everybody in it; a reading is null where the device shows dashes."""

    opening: Texts
    review: str
    record: ShownRecord | None
    person: Person
    time_s: int
    speed: float
    readings: dict[str, float | None]
    queue: Queue
    figure: Figure


class ScreenRoom(TypedDict):
    """The room of the seat; its facts follow with the first look at the patient.

    The hub of a class gets no figure, opening, record or queue.
    """

    relay_due: bool
    subject: str
    branch: int
    result: str
    handed_over: str
    opening: NotRequired[Texts | None]
    review: NotRequired[str]
    record: NotRequired[ShownRecord | None]
    person: NotRequired[Person]
    time_s: NotRequired[int]
    speed: NotRequired[float]
    readings: NotRequired[dict[str, float | None]]
    queue: NotRequired[Queue | None]
    figure: NotRequired[Figure | None]


class LineAt(TypedDict):
    """Number and time of the event that a line shows."""

    seq: int
    at_ms: int | None


class MessageLine(LineAt):
    """A message."""

    what: Literal["message"]
    who: str
    to: str
    text: str
    texts: Texts
    mine: bool


class AskLine(LineAt):
    """A question to the worker."""

    what: Literal["ask"]
    task: str
    text: str
    labels: Texts
    mine: bool


class MisunderstoodLine(LineAt):
    """A question that the worker did not understand, and items that may be meant."""

    what: Literal["misunderstood"]
    text: str
    suggestions: list[str]


class FoundLine(LineAt):
    """An answer or a result."""

    what: Literal["found"]
    task: str
    item: str
    labels: Texts
    text: str
    texts: Texts


class ActionLine(LineAt):
    """An action that was ordered, waits for the worker to be back, or is done."""

    what: Literal["order", "waiting", "done"]
    task: str
    name: str
    labels: Texts
    dose: str


class ReadbackLine(LineAt):
    """An order that the worker reads back before it is carried out."""

    what: Literal["readback"]
    task: str
    text: str
    texts: Texts
    reason: str


class RefusedLine(LineAt):
    """An order that is not carried out, and why."""

    what: Literal["refused"]
    task: str
    name: str
    labels: Texts
    text: str
    texts: Texts


class ConsultLine(LineAt):
    """A request to a senior, or the answer."""

    what: Literal["consult"]
    text: str
    mine: bool


class HandoverReadbackLine(LineAt):
    """What the receiver of a handover repeats."""

    what: Literal["handover_readback"]
    items: list[str]
    text: str


Line = Annotated[
    MessageLine
    | AskLine
    | MisunderstoodLine
    | FoundLine
    | ActionLine
    | ReadbackLine
    | RefusedLine
    | ConsultLine
    | HandoverReadbackLine,
    Field(discriminator="what"),
]
"""A line of the record of what was asked, ordered and found; ``what`` decides which."""

_Head = TypedDict("_Head", {"type": Literal["class"], "class": ClassFacts})


class Screen(_Head):
    """What one seat sees; ``gone`` in its last message once the seat is left."""

    seat: OwnSeat
    others: list[OtherSeat]
    question: Question | None
    room: ScreenRoom | None
    lines: list[Line]
    gone: NotRequired[bool]
