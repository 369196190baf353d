"""JSON of the teacher's board and of the projector's page, over HTTP and their WebSockets."""

from typing import Literal

from typing_extensions import TypedDict

from teleward_gateway.classroom.classes.screen_types import Texts
from teleward_gateway.classroom.events.kinds import Mode, Phase, Role


class BoardSeat(TypedDict):
    """A seat, for the teacher."""

    id: str
    name: str
    role: Role
    ready: bool
    language: str
    latency_ms: float | None
    hand: bool
    diagnosis: list[tuple[str, float]]
    disposition: str
    words: str
    change: str
    answered: bool


class TrueVitals(TypedDict):
    """True vitals of a room's patient now and over three minutes, beside what is shown."""

    vitals: dict[str, int]
    spark: dict[str, list[int]]
    news2: int
    state: Literal["arrest", "worse", "better", "stable", "unstable"]
    shown: dict[str, float | None]


class BoardRow(TypedDict):
    """A room; ``true`` is null before the first look and when the room could not be opened."""

    room: str
    case: str
    seats: list[BoardSeat]
    met: int
    wanted: int
    last_act: str
    last_labels: Texts
    last_act_ms: int
    silent: bool
    hand: bool
    news2_asked: int | None
    result: str
    state: str
    time_s: int
    speed: float
    true: TrueVitals | None


class Histogram(TypedDict):
    """How many seats gave which answer; counts and the right answer only once it is over."""

    id: str
    text: Texts
    options: list[Texts]
    unit: str
    answer: str
    why: Texts
    n_answers: int
    counts: dict[str, int]
    over: bool


class LessonQuestion(TypedDict):
    """A question of the lesson."""

    id: str
    text: Texts


class ClassNow(TypedDict):
    """State of the class, the same on the board and on the wall."""

    now: int
    title: Texts
    goals: dict[str, list[str]]
    mode: Mode
    phase: Phase
    doors: bool
    wall_names: bool
    paused: bool
    frozen: bool
    left_s: float
    question: Histogram | None
    n_seats: int
    n_ready: int


class _BoardHead(TypedDict):
    type: Literal["board"]


class Board(_BoardHead, ClassNow):
    """The teacher's board; a bookmark is its tick and its text."""

    code: str
    rows: list[BoardRow]
    waiting: list[BoardSeat]
    bookmarks: list[tuple[int, str]]
    questions: list[LessonQuestion]


class WallStrip(TypedDict):
    """Shown readings of a room, without its true state."""

    names: list[str]
    spo2: float | None
    hr: float | None
    ended: bool


class WallSeat(TypedDict):
    """A seat on the wall; the name is empty while names are hidden."""

    name: str
    ready: bool


class _WallHead(TypedDict):
    type: Literal["wall"]


class Wall(_WallHead, ClassNow):
    """The projector's page."""

    code: str
    strips: list[WallStrip]
    seats: list[WallSeat]
