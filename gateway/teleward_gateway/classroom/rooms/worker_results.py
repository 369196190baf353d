"""What the worker found out: answers as learners see them, and the frozen 12-lead recordings."""

from pydantic import BaseModel

from teleward_gateway.classroom.rooms.room import Room
from teleward_signal.errors import NotFound
from teleward_simulators.cases.answers.items import catalogue
from teleward_simulators.cases.answers.strip import FS, SECONDS, Strip, record
from teleward_simulators.cases.answers.worker import READY, Result

ECG = "ecg12"


class NumberAnswer(BaseModel):
    """A measured number of a result."""

    name: str
    value: float
    unit: str


class StripInfo(BaseModel):
    """A 12-lead recording that never changes; its samples have a route of their own."""

    sha256: str
    fs: int
    seconds: int


class StripAnswer(StripInfo):
    """The samples of a 12-lead recording, uV by lead."""

    number: int
    microvolts: dict[str, list[int]]


class ResultAnswer(BaseModel):
    """Something asked for; seconds are of case time, texts are empty while it waits."""

    number: int
    asked: str
    item: str
    label: dict[str, str]
    kind: str
    by: str
    status: str
    text: dict[str, str]
    values: list[NumberAnswer]
    asked_s: float
    sampled_s: float
    due_s: float
    strip: StripInfo | None = None


def findings(room: Room) -> dict[str, str]:
    """Return the newest answer under each name that was asked, in English."""
    rows = room.director.results()
    return {row.asked: dict(row.text)["en"] for row in rows if row.text}


def results(room: Room) -> list[ResultAnswer]:
    """Return everything that was asked for, in its order."""
    return [_answer(room, row) for row in room.director.results()]


def _answer(room: Room, row: Result) -> ResultAnswer:
    item = catalogue().get(row.item)
    strip = strip_of(room, row) if row.item == ECG and row.status == READY else None
    info = StripInfo(sha256=strip.sha256, fs=FS, seconds=SECONDS) if strip else None
    return ResultAnswer(
        number=row.number,
        asked=row.asked,
        item=row.item,
        label=dict(item.label) if item else {},
        kind=item.kind if item else "",
        by=row.by,
        status=row.status,
        text=dict(row.text),
        values=[NumberAnswer(name=n, value=v, unit=u) for n, v, u in row.values],
        asked_s=row.asked_step / 10,
        sampled_s=row.sampled_step / 10,
        due_s=row.due_step / 10,
        strip=info,
    )


def strip_of(room: Room, row: Result) -> Strip | None:
    """Return the recording of a result, sampled once; None before it is complete."""
    key = (row.number, row.at_s)
    if key not in room.strips:
        found = record(room.patient, row.at_s)
        if found is None:
            return None
        room.strips[key] = found
    return room.strips[key]


def strip_answer(room: Room, number: int, now_s: float) -> StripAnswer:
    """Return the samples of result ``number``; NotFound while there is no recording."""
    room.live(now_s)
    for row in room.director.results():
        if row.number == number and row.item == ECG and row.status == READY:
            strip = strip_of(room, row)
            if strip is not None:
                return StripAnswer(number=number, sha256=strip.sha256, fs=FS, seconds=SECONDS,
                                   microvolts=strip.rows())  # fmt: skip
    raise NotFound(f"this room has no 12-lead recording {number}")
