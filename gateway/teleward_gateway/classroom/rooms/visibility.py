"""What a room shows to whom: readings and findings to learners, the true state to its instructor.

This file is the border. `learner_view` takes nothing from body, knobs, faults, key or file of the
case; not even the name of the case, which often is the diagnosis.
"""

from typing import TYPE_CHECKING, Any

from teleward_simulators.physiology.actions import ACTIONS
from teleward_simulators.sensors.faults import SENSORS

if TYPE_CHECKING:
    from teleward_gateway.classroom.rooms.service import Room

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


def learner_view(room: "Room") -> dict[str, Any]:
    """Return opening, messages, readings and the findings asked for."""
    state, time_s = room.director.state, room.patient.time_s
    return {
        "code": room.code,
        "subject": room.subject,
        "opening": room.case.opening,
        "review": room.case.status,
        "time_s": state.second,
        "speed": room.patient.pace.speed_tenths / 10,
        "result": state.result,
        "said": [{"second": s, "who": who, "text": text} for s, who, text in state.said],
        "readings": {
            metric: room.sensors.numeric(metric, time_s)
            for sensor in room.case.devices for metric in SENSORS[sensor]
            if metric in READINGS and metric in room.sensors.metrics()
        },
        "findings": {
            name: _finding(room, name) for name, due_s in room.asked.items() if due_s <= time_s
        },
    }  # fmt: skip


def _finding(room: "Room", name: str) -> str:
    known = {**room.case.findings, **dict(room.director.state.findings)}
    answers = {question["id"]: question["answer"] for question in room.case.questions}
    return known.get(name) or answers.get(name) or "nothing remarkable"


def actions() -> list[dict[str, str]]:
    """Return what can be done to any patient, the same in every case."""
    return [
        {"name": action.name, "label": action.label, "unit": action.unit}
        for action in ACTIONS.values()
    ]


def truth(room: "Room") -> dict[str, Any]:
    """Return the true state, for the holder of the key only."""
    state, body = room.director.state, room.patient.body
    time_s = room.patient.time_s
    return {
        "case": room.case.id,
        "title": room.case.title,
        "truth": {name: body.variable(name) for name in TRUTH},
        "knobs": {k: float(body.engine.get(k)) for k in body.engine.knobs.dtype.names or ()},
        "faults": [
            {"kind": f.kind, "sensor": f.sensor, "start_s": f.start_s, "end_s": f.end_s}
            for f in state.faults if f.at(time_s)
        ],
        "given": [
            {"second": g.step / 10, "name": g.name, "dose": g.dose, "flags": list(g.flags)}
            for g in body.vital.given
        ],
        "stable_for": state.stable_s,
        "findings": {**room.case.findings, **dict(state.findings)},
        "bookmarks": [{"second": s, "text": text} for s, text in state.bookmarks],
        "key": {"dx": room.case.diagnosis, "marks": [m.action for m in room.case.marks]},
    }  # fmt: skip
