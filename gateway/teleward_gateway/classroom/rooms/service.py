"""Rooms: one running case each, led by an instructor, seen by learners through devices only.

    instructor --orders, staged--> room --log--> simulated devices (any process) --> gateway
                                    |
                                    +--> truth: to the holder of the room's key, nobody else

The room's patient is the authority; the devices live the same patient from the log, whatever is
done to it: staged changes, drugs and shocks, faults, going back. Time is given by the caller
(monotonic seconds), so nothing here reads a clock.
"""

import math
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from teleward_gateway.classroom.rooms.fleet_client import Bedside, NoDevices
from teleward_gateway.classroom.rooms.orders import check_order
from teleward_gateway.classroom.rooms.visibility import learner_view, truth
from teleward_signal.errors import Forbidden, Invalid, NotFound
from teleward_simulators.cases.catalogue import all_cases, case_named
from teleward_simulators.cases.kit import devices_of
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.room_log import RoomLog, replay
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.cases.source import sensed
from teleward_simulators.physiology.patient import TICKS_PER_S, Order, PhysiologyPatient
from teleward_simulators.sensors.sensed import SensedPatient

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which are misread."""
LEAD_TICKS = 3
"""Orders take effect 0.3 s ahead, so that devices in other processes have read them by then."""
MOST_ROOMS = 40
"""A room costs about 2 % of a core at 1x."""
MOST_ORDERS, MOST_ASKED = 5000, 200
"""A case sees some hundred orders; these bound what one learner can make the gateway keep."""
FINDING_S = {"auscultate": 30.0, "blood_pressure": 40.0, "ecg12": 180.0, "glucose_check": 60.0}
"""What a worker needs to find something out; anything else takes 15 s."""
MEASURED = {"blood_pressure": "nibp", "remeasure": "nibp", "glucose_check": "glu"}
"""Actions that press the button of a device."""


class WrongKey(Forbidden):
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
    """Second zero of its devices, `time.monotonic`."""
    patient: PhysiologyPatient
    director: CaseDirector
    sensors: SensedPatient
    log: RoomLog
    asked: dict[str, float] = field(default_factory=dict)
    """Finding -> the patient's time at which the worker will have it."""
    behind_s: float = 0.0
    """How far rewinding has set the patient's time behind that of the devices."""
    subject: str = ""
    """Whom the ward shows as this room's patient; empty without devices."""

    def time_s(self, now_s: float) -> float:
        """Return the patient's time."""
        return max(0.0, now_s - self.opened_s - self.behind_s)

    def live(self, now_s: float) -> None:
        """Bring the patient to now."""
        self.patient.live(self.time_s(now_s))


class RoomService:
    """All rooms of a gateway; their logs lie in ``folder``."""

    def __init__(
        self, folder: Path, cases: Path | None = None, bedside: Bedside | None = None
    ) -> None:
        self.folder = folder
        self._cases = cases
        self._bedside = bedside
        self.rooms: dict[str, Room] = {}

    def cases(self) -> dict[str, Case]:
        """Return the usable cases."""
        return all_cases(self._cases)[0]

    def open(self, case_id: str, now_s: float, seed: int | None = None, exam: bool = False) -> Room:
        """Open a room, held at its start, with its devices on.

        ValueError when there is no such case, `NoDevices` when they cannot be switched on.
        """
        if len(self.rooms) >= MOST_ROOMS:
            raise Invalid(f"{MOST_ROOMS} rooms are open; close one first")
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
        if self._bedside is not None:
            try:
                self._put_on(room, self._bedside)
            except (NoDevices, ValueError):
                del self.rooms[code]
                raise
        return room

    def _put_on(self, room: Room, bedside: Bedside) -> None:
        person = room.case.person
        label = f"SIM \u00b7 {person.age:.0f} {person.sex}"
        detail = f"Teaching case, review: {room.case.status}"
        room.subject = bedside.put_on(room.code, label, detail, self.devices(room))

    def room(self, code: str) -> Room:
        """Return a room; LookupError when there is none."""
        found = self.rooms.get(code.upper())
        if found is None:
            raise NotFound(f"no room {code!r} is open")
        return found

    def led(self, code: str, key: str) -> Room:
        """Return a room to the holder of its key; raises WrongKey."""
        room = self.room(code)
        if not secrets.compare_digest(room.key.encode(), key.encode()):
            raise WrongKey(f"room {room.code}: this needs the instructor's key")
        return room

    def close(self, room: Room) -> None:
        """Close a room and take its devices off; its log stays."""
        del self.rooms[room.code]
        if self._bedside is not None:
            self._bedside.take_off(room.subject)

    def tidy(self) -> None:
        """Remove from the ward what is left of rooms that ended with the gateway."""
        if self._bedside is not None:
            self._bedside.tidy()

    def devices(self, room: Room) -> list[dict[str, Any]]:
        """Return the rows of a fleet file whose devices follow this room."""
        specs = devices_of(
            room.case, room.code, str(room.log.path.resolve()), room.seed, room.opened_s
        )
        return [asdict(spec) for spec in specs]

    def send(
        self, room: Room, orders: list[dict[str, Any]], now_s: float, by: str = "instructor"
    ) -> int:
        """Carry out staged orders together and return their tick; ValueError names a bad one.

        All are checked before any is carried out. ``clock`` without a speed is the case's own.
        """
        room.live(now_s)
        orders = [
            {"speed": room.case.speed, **row} if row.get("kind") == "clock" else row
            for row in orders
        ]
        for order in orders:
            check_order(order)
        if len(room.patient.orders) + len(orders) > MOST_ORDERS:
            raise Invalid(f"room {room.code} has had {MOST_ORDERS} orders; open another one")
        tick = max(room.patient.pace.tick, math.ceil(room.time_s(now_s) * TICKS_PER_S))
        tick += LEAD_TICKS
        for row in orders:
            data = {key: value for key, value in row.items() if key != "kind"}
            self._add(room, Order(tick, row["kind"], data), by)
            if row["kind"] == "act" and self._bedside is not None and row["name"] in MEASURED:
                self._bedside.press(room.subject, MEASURED[row["name"]])
        return tick

    def rewind(self, room: Room, tick: int, now_s: float) -> None:
        """Go back to ``tick`` and hold the case there; what came after is forgotten."""
        if not 0 < tick <= room.patient.pace.tick:
            raise Invalid(f"room {room.code}: there is no tick {tick} to go back to")
        room.behind_s = now_s - room.opened_s - tick / TICKS_PER_S
        room.log.rewind(tick, room.behind_s)
        room.patient.rewind(tick)
        room.asked = {k: due_s for k, due_s in room.asked.items() if due_s <= tick / TICKS_PER_S}
        self._add(room, Order(tick, "clock", {"speed": 0}), "room")

    def _add(self, room: Room, order: Order, by: str) -> None:
        room.patient.order(order)
        room.log.add(order, by)

    def truth(self, room: Room, now_s: float) -> dict[str, Any]:
        """Return the true state: for the holder of the key only."""
        room.live(now_s)
        return truth(room)

    def view(self, room: Room, now_s: float) -> dict[str, Any]:
        """Return what a learner may see."""
        room.live(now_s)
        return learner_view(room)

    def ask(self, room: Room, name: str, now_s: float) -> float:
        """Ask the worker for a result; return the seconds it takes."""
        room.live(now_s)
        if len(room.asked) >= MOST_ASKED:
            raise Invalid(f"room {room.code}: {MOST_ASKED} things were asked; that is enough")
        wait_s = FINDING_S.get(name, 15.0)
        room.asked[name] = room.patient.time_s + wait_s
        return wait_s

    def bookmark_tick(self, room: Room, text: str) -> int:
        """Return the tick at which the newest bookmark ``text`` was set; LookupError if none."""
        ticks = [
            order.tick for order in room.patient.orders
            if order.kind == "bookmark" and order.data.get("text") == text
        ]  # fmt: skip
        if not ticks:
            raise NotFound(f"room {room.code} has no bookmark {text!r}")
        return ticks[-1]


def replay_log(path: Path, seconds: float) -> PhysiologyPatient:
    """Return the patient of a room's log, lived for ``seconds`` of device time."""
    patient = replay(path)
    patient.live(seconds)
    return patient


def _new_code(taken: set[str]) -> str:
    while (code := "".join(secrets.choice(ALPHABET) for _ in range(6))) in taken:
        pass
    return code
