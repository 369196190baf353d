"""Classes of a gateway: opened by a teacher, joined by code, rebuilt from their log.

A learner is a code, a name and a seat cookie: the same phone has the same seat, without typing.
A teacher holds the key of the class. Only sha256 of both is kept.
"""

import asyncio
import hashlib
import logging
import secrets
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from teleward_gateway.classroom.classes import rules, teaching
from teleward_gateway.classroom.classes.lesson import Lesson, all_lessons, lesson_named
from teleward_gateway.classroom.classes.running import RunningClass, RunningRoom
from teleward_gateway.classroom.classes.state import ClassState, Seat, folded
from teleward_gateway.classroom.events import Draft, Event, kinds
from teleward_gateway.classroom.events.log import Credential, EventLog
from teleward_gateway.classroom.events.timeline import lineage, orders, waiting
from teleward_gateway.classroom.rooms.room import RoomState
from teleward_gateway.classroom.rooms.service import RoomService, new_code
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Conflict, Forbidden, NotFound, TelewardError, TooMany

log = logging.getLogger(__name__)

LOOK_S = 0.5
MOST_SEATS = 40
TRIES_PER_S = 5
"""Wrong codes that may be tried in a second, from all phones together; then none is tried."""
TEACHER, CLASS = "teacher", "class"


@dataclass(frozen=True, slots=True)
class Joined:
    """A seat that was taken, with the token of its cookie."""

    running: RunningClass
    seat: Seat
    token: str


class ClassService:
    """All classes of a gateway."""

    def __init__(self, log_: EventLog, rooms: RoomService, lessons: Path | None = None) -> None:
        self.log, self.rooms, self._lessons = log_, rooms, lessons
        self.classes: dict[str, RunningClass] = {}
        self._keys: dict[str, str] = {}
        """sha256 of a teacher's key -> class."""
        self._seats: dict[str, tuple[str, str]] = {}
        """sha256 of a seat's token -> (class, seat)."""
        self._tries: deque[float] = deque(maxlen=TRIES_PER_S)
        self._now_s = time.monotonic
        self._opening: set[asyncio.Task[None]] = set()
        self.restoring = False
        self.problem: str | None = None

    # open and close

    def lessons(self) -> tuple[dict[str, Lesson], list[str]]:
        """Return the lessons and the mistakes in lesson files."""
        found, errors = all_lessons(self._lessons)
        return found, [str(error) for error in errors]

    async def open(self, lesson: Lesson) -> tuple[RunningClass, str]:
        """Open a class; return it and the teacher's key, which is shown once."""
        code = new_code({running.code for running in self.classes.values()})
        key = secrets.token_urlsafe(18)
        state = ClassState(f"c-{secrets.token_hex(5)}")
        running = RunningClass(state, lesson, code, self.log, self.rooms)
        opened = kinds.ClassOpened(
            lesson=lesson.id, title=lesson.title, mode=lesson.mode, goals=lesson.goals,
            study_level=lesson.study_level,
        )  # fmt: skip
        drafts = [Draft(state.id, opened), Draft(state.id, kinds.ClassDoors(open=True))]
        credentials = [
            Credential(state.id, TEACHER, digest(key)),
            Credential(state.id, CLASS, "", code),
        ]
        for event in await self.log.append(drafts, credentials):
            running.take(event)
        self.classes[state.id] = running
        self._keys[digest(key)] = state.id
        return running, key

    async def open_named(self, lesson: str) -> tuple[RunningClass, str]:
        """Open a class on a lesson by its id."""
        found = await asyncio.to_thread(lesson_named, lesson, self._lessons)
        return await self.open(found)

    async def close(self, running: RunningClass) -> None:
        """End a class: rooms close and seats are dissolved; the log stays."""
        drafts = [
            running.draft(kinds.SeatLeft(reason="closed"), None, seat.id)
            for seat in running.state.present()
        ]
        drafts += [running.draft(kinds.RoomClosed(), room) for room in running.rooms]
        await running.write(*drafts, running.draft(kinds.ClassClosed()))
        self.classes.pop(running.state.id, None)
        for each in list(running.rooms.values()):
            await self.rooms.close(each.room)

    # who

    def led_by(self, key: str) -> RunningClass:
        """Return the class of a teacher's key; Forbidden when there is none."""
        found = self.classes.get(self._keys.get(digest(key), ""))
        if found is None:
            raise refusal(Forbidden, "teacher")
        return found

    def seated(self, token: str) -> tuple[RunningClass, Seat]:
        """Return class and seat of a seat cookie; Forbidden when it is not (any more) a seat."""
        class_id, seat_id = self._seats.get(digest(token), ("", ""))
        running = self.classes.get(class_id)
        if running is None:
            raise refusal(Forbidden, "no_seat")
        return running, running.seat(seat_id)

    async def join(self, code: str, name: str, language: str, token: str = "") -> Joined:
        """Take a seat by the code; the phone that holds ``token`` gets its seat again.

        Raises TooMany when codes are tried too fast, NotFound for a wrong code, Conflict when the
        class is full or locked.
        """
        self._throttle()
        wanted = code.strip().upper()
        running = next((r for r in self.classes.values() if r.code == wanted), None)
        if running is None:
            self._tries.append(self._now_s())
            raise refusal(NotFound, "wrong_code")
        if token:
            try:
                known, seat = self.seated(token)
            except TelewardError:
                pass
            else:
                if known is running:
                    return Joined(running, seat, token)
        self._check_doors(running)
        made = secrets.token_urlsafe(32)
        seat_id = f"s-{len(running.state.seats) + 1}"
        name = _unique(name.strip() or "Bird", {s.name for s in running.state.present()})
        drafts = [Draft(running.state.id, kinds.SeatJoined(name=name, language=language),
                        None, seat_id)]  # fmt: skip
        credential = Credential(running.state.id, seat_id, digest(made))
        running.state.seats[seat_id] = Seat(seat_id, name, language)  # the place is taken at once
        try:
            events = await self.log.append(drafts, [credential])
        except TelewardError:
            del running.state.seats[seat_id]
            raise
        for event in events:
            running.take(event)
        self._seats[digest(made)] = (running.state.id, seat_id)
        await running.notify()
        if running.state.phase == "encounter":
            await self.make_rooms(running)
        return Joined(running, running.seat(seat_id), made)

    def _throttle(self) -> None:
        now_s = self._now_s()
        if len(self._tries) == TRIES_PER_S and now_s - self._tries[0] < 1.0:
            raise refusal(TooMany, "too_fast")

    def _check_doors(self, running: RunningClass) -> None:
        if not running.state.doors:
            raise refusal(Conflict, "locked")
        if len(running.state.present()) >= MOST_SEATS:
            raise refusal(Conflict, "full")

    # rooms

    async def make_rooms(self, running: RunningClass) -> None:
        """Give every seat without a room its room, and switch the devices on beside the class."""
        groups = teaching.plan_rooms(running)
        shared = rules.room_size(running.state) == 0 and running.rooms
        if shared and groups:
            room = next(iter(running.rooms))
            for seat in groups[0]:
                await teaching.place(running, seat, room, "watcher")
            return
        seed = secrets.randbelow(2**31)
        if running.state.rooms:  # the same patient for all who come later
            seed = next(iter(running.state.rooms.values())).seed
        for group in groups:
            await self._make_room(running, group, seed)

    async def _make_room(self, running: RunningClass, seats: list[str], seed: int) -> None:
        number = len(running.state.rooms) + 1
        case = running.lesson.cases[(number - 1) % len(running.lesson.cases)]
        if running.state.mode != "parallel" or len(running.lesson.cases) == 1:
            case = running.lesson.cases[0]
        code = f"{running.state.id}/{number}"
        room = await asyncio.to_thread(self.rooms.make, code, case, time.monotonic(), seed)
        room.state = RoomState.OPEN
        room_id = f"r-{number}"
        opened = kinds.RoomOpened(
            subject=room.subject, case=case, case_version=room.case.version, seed=seed,
            speed=room.case.speed,
        )  # fmt: skip
        hold = kinds.OrderSent(tick=0, order="clock", data={"speed": 0}, by="program")
        running.rooms[room_id] = RunningRoom(room_id, room)
        self.rooms.rooms[code] = room
        drafts = [running.draft(opened, room_id), running.draft(hold, room_id)]
        drafts += [
            running.draft(kinds.SeatPlaced(role=rules.role_for(running.state, place)),
                          room_id, seat)
            for place, seat in enumerate(seats)
        ]  # fmt: skip
        await running.write(*drafts)
        self._switch_on(running.rooms[room_id])

    def _switch_on(self, each: RunningRoom) -> None:
        """Switch the devices on beside the class: a slow one holds up nobody."""

        async def switch() -> None:
            try:
                await self.rooms.put_on(each.room)
            except TelewardError as error:
                self.problem = str(error)
                log.warning("room %s has no devices: %s", each.id, error)

        task = asyncio.create_task(switch(), name=f"devices of {each.id}")
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    # running

    async def run(self) -> None:
        """Restore what was open, then look at every room twice a second, until cancelled."""
        await self.restore()
        while True:
            begun_s = time.monotonic()
            for running in list(self.classes.values()):
                try:
                    await running.look()
                    await running.notify()
                except TelewardError as error:
                    self.problem = str(error)
                except Exception:  # one class never stops the others
                    self.problem = f"class {running.code}: see the log"
                    log.exception("class %s", running.state.id)
            await asyncio.sleep(max(0.05, LOOK_S - (time.monotonic() - begun_s)))

    async def stop(self) -> None:
        """End what is being switched on."""
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)

    # the log is the truth

    async def restore(self) -> None:
        """Rebuild every class that is not closed: seats, rooms, freezes; rooms are held."""
        self.restoring = True
        events = await asyncio.to_thread(self.log.read)
        by_class: dict[str, list[Event]] = {}
        for event in events:
            by_class.setdefault(event.class_id, []).append(event)
        codes: dict[str, str] = {}
        for credential in await asyncio.to_thread(self.log.credentials):
            if credential.holder == CLASS:
                codes[credential.class_id] = credential.code
            elif credential.holder == TEACHER:
                self._keys[credential.sha256] = credential.class_id
            else:
                self._seats[credential.sha256] = (credential.class_id, credential.holder)
        for class_id, rows in by_class.items():
            state = folded(class_id, rows)
            if state.closed:
                continue
            try:
                await self._restore_class(state, rows, codes.get(class_id, ""))
            except (TelewardError, OSError) as error:
                self.problem = f"class {class_id}: {error}"
                log.error("class %s is not rebuilt: %s", class_id, error)
        self.restoring = False

    async def _restore_class(self, state: ClassState, rows: list[Event], code: str) -> None:
        lesson = await asyncio.to_thread(lesson_named, state.lesson, self._lessons)
        running = RunningClass(state, lesson, code, self.log, self.rooms)
        self.classes[state.id] = running
        for record in state.rooms.values():
            if record.closed:
                continue
            counting = lineage(rows, record.id)
            ticks = [getattr(event.body, "tick", 0) for event in counting]
            held = max(ticks, default=0) + 1
            number = record.id.removeprefix("r-")
            room = await asyncio.to_thread(
                self.rooms.rebuild, f"{state.id}/{number}", record.case, record.seed, record.exam,
                record.subject, orders(rows, record.id), held, time.monotonic(),
            )  # fmt: skip
            each = RunningRoom(record.id, room, events=counting, waiting=waiting(counting))
            each.watch.skip(room)
            running.rooms[record.id] = each
            self.rooms.rooms[room.code] = room
        if running.rooms and state.phase == "encounter" and not state.paused:
            await running.write(running.draft(kinds.ClassPaused(paused=True)))
        for each in running.rooms.values():
            tick = each.room.patient.orders[-1].tick
            hold = kinds.OrderSent(tick=tick, order="clock", data={"speed": 0}, by="restart")
            await running.write(running.draft(hold, each.id))
            self._switch_on(each)


def digest(secret: str) -> str:
    """Return the sha256 of a key or token, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _unique(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}"
