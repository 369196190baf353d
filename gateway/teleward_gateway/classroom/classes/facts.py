"""What a room of a class shows to everybody in it, and nothing of its truth."""

from teleward_gateway.classroom.classes.bedside import queue_of
from teleward_gateway.classroom.classes.screen_types import Figure, RoomFacts
from teleward_gateway.classroom.rooms.room import Room
from teleward_gateway.classroom.rooms.visibility import readings
from teleward_simulators.cases.health_record import shown


def facts_of(room: Room) -> RoomFacts:
    """Return what a room shows to everybody in it."""
    body, state = room.patient.body, room.director.state
    return {
        "opening": room.case.opening,
        "review": room.case.status,
        "record": shown(room.case.record),
        "person": {"age": round(room.case.person.age), "sex": room.case.person.sex},
        "time_s": state.second,
        "speed": room.patient.pace.speed_tenths / 10,
        "readings": readings(room),
        "queue": queue_of(room),
        "figure": figure(float(body.variable("RR")), float(body.variable("SPO2")),
                         float(body.engine.get("symp")), float(body.variable("VT"))),
    }  # fmt: skip


def figure(rr: float, spo2: float, symp: float, tidal_l: float) -> Figure:
    """Return how the patient looks, as a camera would show it: coarse steps, never the values.

    ``breaths`` a minute to the nearest 4; effort, blue and sweat from 0 to 1 in quarters.
    """

    def quarter(value: float) -> float:
        return round(4 * min(1.0, max(0.0, value))) / 4

    return {
        "breaths": 4.0 * round(rr / 4.0),
        "effort": quarter((rr - 16.0) / 20.0 + (0.4 - tidal_l)),
        "blue": quarter((92.0 - spo2) / 16.0),
        "sweat": quarter(symp - 1.0 if symp > 1.0 else 0.0),
    }
