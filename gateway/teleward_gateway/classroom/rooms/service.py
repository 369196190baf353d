"""Rooms of a gateway: opened with their devices, found by code, closed.

One room never waits for another: each has a lock of its own, patients are lived in threads, and
devices are switched on while no lock is held (the room is ``opening`` meanwhile).
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from teleward_gateway.classroom.rooms.code_guard import CodeGuard
from teleward_gateway.classroom.rooms.room import Room, RoomState
from teleward_gateway.classroom.ward_port import BedsidePatient, PatientPage, WardPort
from teleward_signal.errors import Forbidden, NotFound, TooMany
from teleward_simulators.cases.catalogue import all_cases, case_named
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.room_log import RoomLog, replay
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.cases.source import sensed
from teleward_simulators.physiology.patient import TICKS_PER_S, Order, PhysiologyPatient

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which are misread."""
MOST_ROOMS = 40
"""A room costs about 2 % of a core at 1x."""

Result = TypeVar("Result")


class WrongKey(Forbidden):
    """The key of the room is missing or wrong."""


class RoomService:
    """All rooms of a gateway; their logs lie in ``folder``."""

    def __init__(
        self, folder: Path, ward: WardPort | None = None, cases: Path | None = None
    ) -> None:
        self.folder = folder
        self._ward = ward
        self._cases = cases
        self.rooms: dict[str, Room] = {}
        self.guard = CodeGuard()
        self._closed: deque[str] = deque(maxlen=1000)

    def cases(self) -> dict[str, Case]:
        """Return the usable cases."""
        return all_cases(self._cases)[0]

    async def open(
        self, case_id: str, now_s: float, seed: int | None = None, exam: bool = False
    ) -> Room:
        """Open a room, held at its start, with its devices on.

        Raises Invalid when there is no such case, TooMany at the limit of rooms, and `NoDevices`
        when its devices cannot be switched on; then nothing is left of it.
        """
        if len(self.rooms) >= MOST_ROOMS:
            raise TooMany(f"{MOST_ROOMS} rooms are open; close one first")
        code = new_code(set(self.rooms))
        room = await asyncio.to_thread(self.make, code, case_id, now_s, seed, exam)
        self.rooms[code] = room
        try:
            await self.put_on(room)
        except BaseException:
            self.rooms.pop(code, None)
            raise
        room.state = RoomState.OPEN
        return room

    def make(
        self,
        code: str,
        case_id: str,
        now_s: float,
        seed: int | None = None,
        exam: bool = False,
        subject: str = "",
        bare: bool = False,
    ) -> Room:
        """Return a room without devices, held at its start; Invalid when there is no such case.

        A ``bare`` one has no order yet.
        """
        case = case_named(case_id, self._cases)
        seed = secrets.randbelow(2**31) if seed is None else seed
        patient = make_case_patient(case, seed, exam)
        assert isinstance(patient.director, CaseDirector)
        subject = subject or f"sim-{new_code(set()).lower()}"
        header = {"room": subject, "case": str(case.file), "version": case.version, "seed": seed,
                  "exam": exam, "opened_s": now_s}  # fmt: skip
        room = Room(
            code, secrets.token_urlsafe(18), subject, case, seed, exam, now_s, patient,
            patient.director, sensed(patient, case.devices),
            RoomLog(self.folder / f"{subject}.jsonl", header),
        )  # fmt: skip
        if not bare:
            room.add(Order(0, "clock", {"speed": 0}), "room")
        return room

    def rebuild(
        self,
        code: str,
        case_id: str,
        seed: int,
        exam: bool,
        subject: str,
        orders: Sequence[Order],
        held_tick: int,
        now_s: float,
    ) -> Room:
        """Return a room that lived through ``orders``, held at ``held_tick``: the same patient.

        Its devices are to be switched on again; their second zero lies ``held_tick`` before now.
        """
        opened_s = now_s - held_tick / TICKS_PER_S
        room = self.make(code, case_id, opened_s, seed, exam, subject, bare=True)
        for order in orders:
            if order.tick < held_tick:
                room.add(order, "restart")
        room.patient.live((held_tick - 1) / TICKS_PER_S)
        room.add(Order(held_tick, "clock", {"speed": 0}), "restart")
        room.state = RoomState.OPEN
        return room

    async def put_on(self, room: Room) -> None:
        """Switch the room's devices on and bind them; or `NoDevices`."""
        if self._ward is None:
            return
        person = room.case.person
        label = f"SIM \u00b7 {person.age:.0f} {person.sex}"
        detail = f"Teaching case, review: {room.case.status}"
        rows = [asdict(device) for device in room.devices()]
        await self._ward.put_on(BedsidePatient(room.subject, label, detail, rows))

    def open_page(self, room: Room, rung: str) -> PatientPage | None:
        """Return the live frames of a room's patient, at most at ``rung``."""
        return None if self._ward is None else self._ward.open_page(room.subject, rung)

    def alarms(self, room: Room) -> list[dict[str, Any]]:
        """Return the alarm conditions of a room's patient that are not off."""
        return [] if self._ward is None else self._ward.alarms(room.subject)

    @property
    def has_devices(self) -> bool:
        """Whether patients of rooms are on the ward."""
        return self._ward is not None and self._ward.has_devices

    def room(self, code: str) -> Room:
        """Return a room; NotFound when there is none."""
        found = self.rooms.get(code.upper())
        if found is None:
            raise NotFound(f"no room {code!r} is open")
        return found

    def was_open(self, code: str) -> bool:
        """Return whether a room of this code was closed since the start: its pages still ask."""
        return code.upper() in self._closed

    async def use(self, room: Room, action: Callable[[], Result]) -> Result:
        """Carry out ``action`` on a room in a thread, while no other uses the room."""
        async with room.lock:
            return await asyncio.to_thread(action)

    async def press(self, room: Room, sensors: list[str]) -> None:
        """Press the measure button of the devices that are ``sensors``."""
        if self._ward is not None:
            for sensor in sensors:
                await self._ward.press(room.subject, sensor)

    async def close(self, room: Room) -> None:
        """Close a room and take its devices off; its log stays."""
        if self.rooms.pop(room.code, None) is None:
            return
        self._closed.append(room.code)
        room.state = RoomState.CLOSED
        if self._ward is not None:
            await self._ward.take_off(room.subject)

    async def tidy(self) -> None:
        """Remove from the ward what is left of rooms that ended with the gateway."""
        if self._ward is not None:
            await self._ward.tidy()


def replay_log(path: Path, seconds: float) -> PhysiologyPatient:
    """Return the patient of a room's log, lived for ``seconds`` of device time."""
    patient = replay(path)
    patient.live(seconds)
    return patient


def new_code(taken: set[str]) -> str:
    """Return six letters or digits that are not among ``taken``."""
    while (code := "".join(secrets.choice(ALPHABET) for _ in range(6))) in taken:
        pass
    return code
