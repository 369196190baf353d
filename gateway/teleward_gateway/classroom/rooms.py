"""Rooms: one running case each, led by an instructor, seen by learners through devices only.

    instructor --orders, staged--> room --log--> simulated devices (any process) --> gateway
                                    |
                                    +--> truth: to the holder of the room's key, nobody else

The room's patient is the authority; the devices live the same patient from the log. Time is given
by the caller (monotonic seconds), so nothing here reads a clock.
"""

import math
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teleward_simulators.cases.catalogue import all_cases, case_named
from teleward_simulators.cases.kit import devices_of
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.room_log import RoomLog, replay
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.cases.source import sensed
from teleward_simulators.physiology.actions import action_named
from teleward_simulators.physiology.knobs import checked
from teleward_simulators.physiology.patient import TICKS_PER_S, Order, PhysiologyPatient
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.rhythms.table import rhythm_named
from teleward_simulators.sensors.faults import SENSORS, make_fault
from teleward_simulators.sensors.sensed import SensedPatient

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which are misread."""
LEAD_TICKS = 3
"""Orders take effect 0.3 s ahead, so that devices in other processes have read them by then."""
MOST_ROOMS = 40
"""A room costs about 2 % of a core at 1x."""
FINDING_S = {"auscultate": 30.0, "blood_pressure": 40.0, "ecg12": 180.0, "glucose_check": 60.0}
"""What a worker needs to find something out; anything else takes 15 s."""
TRUTH = (
    "HR", "SBP", "DBP", "MAP", "RR", "SPO2", "T", "PACO2", "ETCO2", "PH", "G", "K", "LACTATE",
    "PAO2", "VT", "rhythm", "blood_ml", "lost_ml", "flow_ml_s", "symp", "edema", "k_eff",
)  # fmt: skip


class WrongKey(Exception):
    """The key of the room is missing or wrong."""


@dataclass(slots=True)
class Room:
    """One running case."""

    code: str
    key: str
    case: Case
    seed: int
    exam: bool
    opened_s: float
    patient: PhysiologyPatient
    director: CaseDirector
    sensors: SensedPatient
    log: RoomLog
    asked: dict[str, float] = field(default_factory=dict)
    """Finding -> device time at which the worker will have it."""

    def time_s(self, now_s: float) -> float:
        """Return the room's device time."""
        return max(0.0, now_s - self.opened_s)

    def live(self, now_s: float) -> None:
        """Bring the patient to now."""
        self.patient.live(self.time_s(now_s))


class RoomService:
    """All rooms of a gateway; their logs lie in ``folder``."""

    def __init__(self, folder: Path, cases: Path | None = None) -> None:
        self.folder = folder
        self._cases = cases
        self.rooms: dict[str, Room] = {}

    def cases(self) -> dict[str, Case]:
        """Return the usable cases."""
        return all_cases(self._cases)[0]

    def open(self, case_id: str, now_s: float, seed: int | None = None, exam: bool = False) -> Room:
        """Open a room, held at its start; ValueError when there is no such case."""
        if len(self.rooms) >= MOST_ROOMS:
            raise ValueError(f"{MOST_ROOMS} rooms are open; close one first")
        case = case_named(case_id, self._cases)
        code = _new_code(set(self.rooms))
        seed = secrets.randbelow(2**31) if seed is None else seed
        patient = make_case_patient(case, seed, exam)
        assert isinstance(patient.director, CaseDirector)
        log = RoomLog(
            self.folder / f"{code}.jsonl",
            {"room": code, "case": str(case.file), "version": case.version, "seed": seed,
             "exam": exam, "opened_s": now_s},
        )  # fmt: skip
        room = Room(code, secrets.token_urlsafe(18), case, seed, exam, now_s, patient,
                    patient.director, sensed(patient, case.devices), log)  # fmt: skip
        self.rooms[code] = room
        self._add(room, Order(0, "clock", {"speed": 0}), "room")
        return room

    def room(self, code: str) -> Room:
        """Return a room; LookupError when there is none."""
        found = self.rooms.get(code.upper())
        if found is None:
            raise LookupError(f"no room {code!r} is open")
        return found

    def led(self, code: str, key: str) -> Room:
        """Return a room to the holder of its key; raises WrongKey."""
        room = self.room(code)
        if not secrets.compare_digest(room.key.encode(), key.encode()):
            raise WrongKey(f"room {room.code}: this needs the instructor's key")
        return room

    def close(self, room: Room) -> None:
        """Close a room; its log stays."""
        del self.rooms[room.code]

    def devices(self, room: Room) -> list[dict[str, Any]]:
        """Return the rows of a fleet file whose devices follow this room."""
        return [
            {"kind": spec.kind, "subject": room.code, "source": spec.source, "seed": room.seed,
             "options": spec.options, "faults": spec.faults}
            for spec in devices_of(room.case, room.code, str(room.log.path), room.seed)
        ]  # fmt: skip

    def send(
        self, room: Room, orders: list[dict[str, Any]], now_s: float, by: str = "instructor"
    ) -> int:
        """Carry out staged orders together and return their tick; ValueError names a bad one.

        All are checked before any is carried out.
        """
        room.live(now_s)
        for order in orders:
            check_order(order)
        tick = max(room.patient.pace.tick, math.ceil(room.time_s(now_s) * TICKS_PER_S))
        tick += LEAD_TICKS
        for row in orders:
            data = {key: value for key, value in row.items() if key != "kind"}
            self._add(room, Order(tick, row["kind"], data), by)
        return tick

    def rewind(self, room: Room, tick: int, now_s: float) -> None:
        """Go back to ``tick`` and hold the case there; what came after is forgotten."""
        if not 0 < tick <= room.patient.pace.tick:
            raise ValueError(f"room {room.code}: there is no tick {tick} to go back to")
        room.log.rewind(tick)
        room.patient.rewind(tick)
        # the room's clock goes back too: device time 0 is later now
        room.opened_s = now_s - tick / TICKS_PER_S
        self._add(room, Order(tick, "clock", {"speed": 0}), "room")

    def _add(self, room: Room, order: Order, by: str) -> None:
        room.patient.order(order)
        room.log.add(order, by)

    def truth(self, room: Room, now_s: float) -> dict[str, Any]:
        """Return the true state: for the holder of the key only."""
        room.live(now_s)
        state, body = room.director.state, room.patient.body
        time_s = room.patient.time_s
        return {
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

    def view(self, room: Room, now_s: float) -> dict[str, Any]:
        """Return what a learner may see: opening, messages, readings, findings asked for."""
        room.live(now_s)
        state, time_s = room.director.state, room.patient.time_s
        return {
            "code": room.code,
            "case": room.case.id,
            "title": room.case.title,
            "opening": room.case.opening,
            "review": room.case.status,
            "time_s": state.second,
            "speed": room.patient.pace.speed_tenths / 10,
            "result": state.result,
            "said": [{"second": s, "who": who, "text": text} for s, who, text in state.said],
            "readings": {
                metric: room.sensors.numeric(metric, time_s)
                for sensor in room.case.devices for metric in SENSORS[sensor]
                if metric in _NUMERIC and metric in room.sensors.metrics()
            },
            "findings": {
                name: self._finding(room, name)
                for name, due_s in room.asked.items() if due_s <= time_s
            },
        }  # fmt: skip

    def ask(self, room: Room, name: str, now_s: float) -> float:
        """Let the worker find something out; return the seconds it takes."""
        room.live(now_s)
        wait_s = FINDING_S.get(name, 15.0)
        room.asked[name] = room.patient.time_s + wait_s
        return wait_s

    def _finding(self, room: Room, name: str) -> str:
        known = {**room.case.findings, **dict(room.director.state.findings)}
        answers = {question["id"]: question["answer"] for question in room.case.questions}
        return known.get(name) or answers.get(name) or "nothing remarkable"

    def bookmark_tick(self, room: Room, text: str) -> int:
        """Return the tick at which the newest bookmark ``text`` was set; LookupError if none."""
        ticks = [
            order.tick for order in room.patient.orders
            if order.kind == "bookmark" and order.data.get("text") == text
        ]  # fmt: skip
        if not ticks:
            raise LookupError(f"room {room.code} has no bookmark {text!r}")
        return ticks[-1]


_NUMERIC = frozenset(
    {
        "heart_rate", "pulse_rate", "respiratory_rate", "spo2", "perfusion_index",
        "body_temperature", "nibp_systolic", "nibp_diastolic", "nibp_mean", "etco2", "glucose",
    }
)  # fmt: skip


def check_order(row: dict[str, Any]) -> None:
    """Raise ValueError for an order that cannot be carried out, naming what is wrong."""
    try:
        match row.get("kind"):
            case "act":
                action = action_named(str(row["name"]))
                if row.get("dose"):
                    parse_dose(str(row["dose"]), action.unit or "")
            case "knob":
                checked(str(row["name"]), float(row["to"]))
                if not 0 <= float(row.get("over", 0.0)) <= 86400:
                    raise ValueError(f"knob {row['name']}: over {row['over']} is no duration in s")
            case "rhythm":
                rhythm_named(str(row["name"]))
            case "fault":
                seconds = float(row.get("for", 60.0))
                make_fault(row["fault"], row["sensor"], 0.0, seconds, row.get("value"))
            case "clock":
                if not 0 <= float(row["speed"]) <= 60:
                    raise ValueError(f"speed {row['speed']} is outside 0 to 60")
            case "say" | "bookmark":
                str(row["text"])
            case "finding":
                str(row["name"]), str(row["text"])
            case "end":
                pass
            case kind:
                raise ValueError(f"no order {kind!r}: use act, knob, rhythm, fault, clock, say, "
                                 "finding, bookmark or end")  # fmt: skip
    except KeyError as error:
        raise ValueError(f"order {row.get('kind')!r}: {error.args[0]!r} is missing") from None


def replay_log(path: Path, seconds: float) -> PhysiologyPatient:
    """Return the patient of a room's log, lived for ``seconds`` of device time."""
    patient = replay(path)
    patient.live(seconds)
    return patient


def _new_code(taken: set[str]) -> str:
    while (code := "".join(secrets.choice(ALPHABET) for _ in range(6))) in taken:
        pass
    return code
