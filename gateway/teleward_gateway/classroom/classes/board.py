"""The teacher's board: one row a room with its true state; for the teacher only."""

from collections import deque
from typing import Literal

from teleward_gateway.classroom.classes.board_types import BoardRow, BoardSeat, TrueVitals
from teleward_gateway.classroom.classes.lines import act_labels
from teleward_gateway.classroom.classes.state import ClassState, RoomRecord, Seat
from teleward_gateway.classroom.rooms.room import Room
from teleward_gateway.classroom.rooms.visibility import readings
from teleward_signal.news2 import points_of
from teleward_simulators.physiology.body import Body

KEPT = 90
"""Points of a sparkline, one every two seconds."""
SILENT_S = 90.0
VITALS = {"HR": "hr", "SBP": "sbp", "SPO2": "spo2", "RR": "rr"}


class RoomHistory:
    """True vitals of a room over the last three minutes."""

    def __init__(self) -> None:
        self.points: dict[str, deque[float]] = {
            name: deque(maxlen=KEPT) for name in VITALS.values()
        }
        self.scores: deque[int] = deque(maxlen=KEPT)

    def look(self, room: Room) -> TrueVitals:
        """Return the true state now, and remember it."""
        body = room.patient.body
        true = {short: float(body.variable(name)) for name, short in VITALS.items()}
        for short, value in true.items():
            self.points[short].append(value)
        score = true_news2(body)
        self.scores.append(score)
        return {
            "vitals": {short: round(value) for short, value in true.items()},
            "spark": {short: [round(v) for v in values] for short, values in self.points.items()},
            "news2": score,
            "state": self._word(room, score),
            "shown": readings(room),
        }

    def _word(
        self, room: Room, score: int
    ) -> Literal["arrest", "worse", "better", "stable", "unstable"]:
        if float(room.patient.body.engine.get("pulse")) < 0.5:
            return "arrest"
        before = self.scores[max(0, len(self.scores) - 30)]
        if score >= before + 2:
            return "worse"
        if score <= before - 2:
            return "better"
        return "stable" if room.director.state.stable_s > 0 else "unstable"


def true_news2(body: Body) -> int:
    """Return NEWS2 of the true state: oxygen counted when it is given, consciousness by pulse."""
    values = {
        "respiratory_rate": float(body.variable("RR")),
        "spo2": float(body.variable("SPO2")),
        "nibp_systolic": float(body.variable("SBP")),
        "pulse": float(body.variable("HR")),
        "body_temperature": float(body.variable("T")),
    }
    points = sum(points_of(name, value) for name, value in values.items())
    oxygen = any(given.name == "oxygen" for given in body.vital.given)
    return points + (2 if oxygen else 0)


def criteria(room: Room, done: list[str]) -> tuple[int, int]:
    """Return how many of the case's critical and recommended actions are done, and how many."""
    wanted = {m.action for m in room.case.marks if m.grade in ("critical", "recommended")}
    return len(wanted & set(done)), len(wanted)


def row(
    state: ClassState,
    record: RoomRecord,
    room: Room | None,
    look: TrueVitals | None,
    now_ms: int,
) -> BoardRow:
    """Return one row of the board; ``look`` is the newest look at the room."""
    seats = state.seats_of(record.id)
    met, wanted = criteria(room, record.done) if room is not None else (0, 0)
    newest = max(seats, key=lambda seat: seat.acted_wall_ms, default=None)
    acted = newest.acted_wall_ms if newest else 0
    begun = acted or state.opened_wall_ms
    return {
        "room": record.id,
        "case": record.case,
        "seats": [seat_json(seat) for seat in seats],
        "met": met,
        "wanted": wanted,
        "last_act": newest.last_act if newest else "",
        "last_labels": act_labels(newest.last_act) if newest and newest.last_act else {},
        "last_act_ms": acted,
        "silent": not state.held and (now_ms - begun) / 1000 > SILENT_S,
        "hand": any(seat.hand for seat in seats),
        "news2_asked": next((s.news2 for s in seats if s.news2 is not None), None),
        "result": record.result,
        "state": room.state.value if room is not None else "closed",
        "time_s": room.director.state.second if room is not None else 0,
        "speed": room.patient.pace.speed_tenths / 10 if room is not None else 0,
        "true": look,
    }


def seat_json(seat: Seat) -> BoardSeat:
    """Return a seat for the board."""
    return {
        "id": seat.id,
        "name": seat.name,
        "role": seat.role,
        "ready": seat.ready,
        "language": seat.language,
        "latency_ms": seat.latency_ms,
        "hand": seat.hand,
        "diagnosis": seat.diagnosis,
        "disposition": seat.disposition,
        "words": seat.words,
        "change": seat.change,
        "answered": seat.answer is not None,
    }
