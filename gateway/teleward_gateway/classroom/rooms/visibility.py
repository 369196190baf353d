"""What a room shows to whom: readings and findings to learners, the true state to its instructor.

This file is the border. `learner_view` takes nothing from body, knobs, faults, key or file of the
case; not even the name of the case, which often is the diagnosis.
"""

from pydantic import BaseModel

from teleward_gateway.classroom.rooms.room import Room
from teleward_gateway.classroom.rooms.worker_results import ResultAnswer, findings, results
from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.sensors.faults import SENSORS

TRUTH = (
    "HR", "SBP", "DBP", "MAP", "RR", "SPO2", "T", "PACO2", "ETCO2", "PH", "G", "K", "LACTATE",
    "PAO2", "VT", "rhythm", "blood_ml", "lost_ml", "flow_ml_s", "symp", "edema", "k_eff",
)  # fmt: skip
"""The true variables that an instructor sees."""

READINGS = frozenset(
    {
        "heart_rate", "pulse_rate", "respiratory_rate", "spo2", "perfusion_index",
        "body_temperature", "nibp_systolic", "nibp_diastolic", "nibp_mean", "etco2", "glucose",
    }
)  # fmt: skip
"""What a device shows as a number."""


class Message(BaseModel):
    """A message from the bedside, at a second of the case."""

    second: int
    who: str
    text: str
    texts: dict[str, str]


class LearnerView(BaseModel):
    """What learners see of a room; a reading is null where the device shows dashes."""

    code: str
    subject: str
    state: str
    opening: dict[str, str]
    review: str
    time_s: int
    speed: float
    result: str
    messages: list[Message]
    readings: dict[str, float | None]
    findings: dict[str, str]
    results: list[ResultAnswer]


class ActiveFaultAnswer(BaseModel):
    """A fault that is on, in seconds of the patient's time."""

    kind: str
    sensor: str
    start_s: float
    end_s: float


class GivenAnswer(BaseModel):
    """Something that was given, at a second of the case."""

    second: float
    name: str
    dose: float
    flags: list[str]


class BookmarkAnswer(BaseModel):
    """A bookmark, at a second of the case."""

    second: int
    text: str


class CaseKey(BaseModel):
    """The diagnoses and the actions that count."""

    dx: dict[str, tuple[str, ...]]
    marks: list[str]


class TrueState(BaseModel):
    """The true state of a patient, for its instructor only."""

    case: str
    title: dict[str, str]
    truth: dict[str, float | str]
    knobs: dict[str, float]
    faults: list[ActiveFaultAnswer]
    given: list[GivenAnswer]
    stable_for: float
    findings: dict[str, str]
    bookmarks: list[BookmarkAnswer]
    key: CaseKey


class ActionAnswer(BaseModel):
    """An action: its name, its label and the unit of its dose (empty without one)."""

    name: str
    label: str
    unit: str


def readings(room: Room) -> dict[str, float | None]:
    """Return what the room's devices show now; None where one shows dashes."""
    time_s = room.patient.time_s
    return {
        metric: room.sensors.numeric(metric, time_s)
        for sensor in room.case.devices
        for metric in SENSORS[sensor]
        if metric in READINGS and metric in room.sensors.metrics()
    }


def learner_view(room: Room, now_s: float) -> LearnerView:
    """Return opening, messages, readings and the findings asked for."""
    room.live(now_s)
    state = room.director.state
    return LearnerView(
        code=room.code,
        subject=room.subject,
        state=room.state,
        opening=room.case.opening,
        review=room.case.status,
        time_s=state.second,
        speed=room.patient.pace.speed_tenths / 10,
        result=state.result,
        messages=[
            Message(second=line.second, who=line.who, text=line.text, texts=dict(line.texts))
            for line in state.messages
        ],
        readings=readings(room),
        findings=findings(room),
        results=results(room),
    )


def actions() -> list[ActionAnswer]:
    """Return what can be done to any patient, the same in every case."""
    return [
        ActionAnswer(name=action.name, label=action.label, unit=action.unit or "")
        for action in ACTIONS.values()
        if not action.counted
    ]


def true_state(room: Room, now_s: float) -> TrueState:
    """Return the true state, for the holder of the key only."""
    room.live(now_s)
    state, body = room.director.state, room.patient.body
    time_s = room.patient.time_s
    return TrueState(
        case=room.case.id,
        title=room.case.title,
        truth={name: body.variable(name) for name in TRUTH},
        knobs={k: float(body.engine.get(k)) for k in body.engine.knobs.dtype.names or ()},
        faults=[
            ActiveFaultAnswer(kind=f.kind, sensor=f.sensor, start_s=f.start_s, end_s=f.end_s)
            for f in state.faults
            if f.at(time_s)
        ],
        given=[
            GivenAnswer(second=g.step / 10, name=g.name, dose=g.dose, flags=list(g.flags))
            for g in body.vital.given
        ],
        stable_for=state.stable_s,
        findings={
            **{item: dict(rows[0].text)["en"] for item, rows in room.case.answers.items()},
            **{item: dict(texts)["en"] for item, texts in state.findings},
        },
        bookmarks=[BookmarkAnswer(second=s, text=text) for s, text in state.bookmarks],
        key=CaseKey(dx=room.case.diagnosis, marks=[m.action for m in room.case.marks]),
    )
