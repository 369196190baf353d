"""A running class: its state, its rooms, and everything that a seat or its teacher may do.

    act -> checked -> written to the log (acknowledged) -> applied to state and patient -> shown

Whatever changes a class is an event first. A patient is used in a thread under its room's lock.
"""

import asyncio
import functools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from teleward_gateway.classroom.classes import board
from teleward_gateway.classroom.classes.bedside import (
    Watch,
    alarm_changes,
    changes_of,
    done_at_last,
)
from teleward_gateway.classroom.classes.board_types import (
    Board,
    ClassNow,
    TrueVitals,
    Wall,
    WallStrip,
)
from teleward_gateway.classroom.classes.facts import facts_of
from teleward_gateway.classroom.classes.lesson import Lesson
from teleward_gateway.classroom.classes.question import histogram
from teleward_gateway.classroom.classes.screen import screen
from teleward_gateway.classroom.classes.screen_types import RoomFacts, Screen
from teleward_gateway.classroom.classes.state import ClassState, Seat
from teleward_gateway.classroom.events import Body, Draft, Event, kinds
from teleward_gateway.classroom.events.log import EventLog
from teleward_gateway.classroom.events.timeline import before, waiting
from teleward_gateway.classroom.rooms.orders import ClockOrder, OrderModel
from teleward_gateway.classroom.rooms.room import Room, pressed_by
from teleward_gateway.classroom.rooms.service import RoomService
from teleward_gateway.classroom.rooms.visibility import readings
from teleward_gateway.classroom.texts import refusal
from teleward_gateway.classroom.ward_port import PatientPage
from teleward_signal.errors import Conflict, NotFound
from teleward_simulators.physiology.patient import TICKS_PER_S, Order

SHOWN_S = 5.0
"""Numbers on a seat's screen are logged so often, and at every act."""
LOOK_S = 2.0
"""Between two points of a sparkline on the board."""


@dataclass(slots=True)
class RunningRoom:
    """A room of a class, with what the board and the screens show of it."""

    id: str
    room: Room
    watch: Watch = field(default_factory=Watch)
    history: board.RoomHistory = field(default_factory=board.RoomHistory)
    look: TrueVitals | None = None
    looked_s: float = 0.0
    facts: RoomFacts | None = None
    shown_s: float = 0.0
    alarms: dict[str, str] = field(default_factory=dict)
    """Alarm condition -> presence, as last logged."""
    events: list[Event] = field(default_factory=list)
    """Those of the branch that counts."""
    waiting: list[Event] = field(default_factory=list)
    """Orders among them that wait for the worker to be back."""


class RunningClass:
    """One class that is open."""

    def __init__(
        self, state: ClassState, lesson: Lesson, code: str, log: EventLog, rooms: RoomService
    ) -> None:
        self.state, self.lesson, self.code = state, lesson, code
        self.rooms: dict[str, RunningRoom] = {}
        self._log, self._service = log, rooms
        self.wall_names = False  # of the projector alone: hidden again after a restart
        self._changed = asyncio.Condition()
        self.version = 0
        self._order = asyncio.Lock()

    # the log

    async def write(self, *drafts: Draft) -> list[Event]:
        """Append events and apply them; raises Unavailable, and then nothing has happened."""
        async with self._order:  # applied in the order of their numbers
            events = await self._log.append(drafts)
            for event in events:
                self.take(event)
        await self.notify()
        return events

    def take(self, event: Event) -> None:
        """Apply one event of the log."""
        self.state.apply(event)
        running = self.rooms.get(event.room or "")
        if running is None:
            return
        if isinstance(event.body, kinds.ClassRewound):
            running.events = before(running.events, event.body.to_tick)
        running.events.append(event)
        if isinstance(event.body, kinds.ActWaiting | kinds.ActDone | kinds.ClassRewound):
            running.waiting = waiting(running.events)

    def draft(self, body: Body, room: str | None = None, seat: str | None = None) -> Draft:
        """Return an event of this class, now."""
        running = self.rooms.get(room or "")
        case_ms = running.room.director.state.step * 100 if running else None
        branch = self.state.rooms[room].branch if room in self.state.rooms else 0
        return Draft(self.state.id, body, room, seat, case_ms, time.time_ns() // 10**6, branch)

    async def notify(self) -> None:
        """Wake the pages that watch."""
        self.version += 1
        async with self._changed:
            self._changed.notify_all()

    async def wait_change(self, version: int, timeout_s: float) -> int:
        """Return the version once it is another than ``version``, or after ``timeout_s``."""
        async with self._changed:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait_for(lambda: self.version != version)
            except TimeoutError:
                pass
        return self.version

    # rooms

    def running(self, room: str | None) -> RunningRoom:
        """Return a room of the class; NotFound when there is none."""
        found = self.rooms.get(room or "")
        if found is None:
            raise NotFound("there is no such room in this class")
        return found

    async def order(
        self,
        room: str,
        orders: Sequence[OrderModel],
        bodies: Iterable[Body] = (),
        seat: str | None = None,
        by: str = "teacher",
    ) -> int:
        """Carry out orders on a room's patient, logged with ``bodies``; return their tick.

        A learner's acts are logged as ``act.done`` by the caller's bodies, all others as
        ``order.sent``.
        """
        running = self.running(room)
        async with running.room.lock:
            planned = await asyncio.to_thread(running.room.plan, orders, time.monotonic())
            sent = [
                kinds.OrderSent(tick=order.tick, order=order.kind, data=order.data, by=by)
                for order in planned
                if seat is None
            ]
            done = [_at_tick(body, planned[0].tick) for body in bodies]
            reached = not any(isinstance(b, kinds.ActWaiting | kinds.ActRefused) for b in done)
            await self.write(*(self.draft(body, room, seat) for body in (*done, *sent)))
            await asyncio.to_thread(self._carry_out, running.room, planned, by)
        if reached:
            await self._service.press(running.room, pressed_by(planned))
        return planned[0].tick

    @staticmethod
    def _carry_out(room: Room, planned: list[Order], by: str) -> None:
        for order in planned:
            room.add(order, by)

    async def set_speeds(self) -> None:
        """Run or hold every room, as the class is held or not."""
        for record in list(self.state.rooms.values()):
            running = self.rooms.get(record.id)
            if running is None or record.closed:
                continue
            speed = 0.0 if self.state.held or record.result else record.speed
            if running.room.speed != speed:
                await self.order(record.id, [ClockOrder(speed=speed)], by="program")

    async def rewind(self, room: str, tick: int, reason: str) -> None:
        """Take a room back to ``tick`` in a new branch, held there."""
        running = self.running(room)
        record = self.state.rooms[room]
        async with running.room.lock:
            now_s = time.monotonic()
            await asyncio.to_thread(running.room.live, now_s)
            if not 0 < tick <= running.room.patient.pace.tick:
                raise Conflict(f"this room has no second {tick / TICKS_PER_S:g} to go back to")
            body = kinds.ClassRewound(
                to_tick=tick,
                from_branch=record.branch,
                behind_s=now_s - running.room.opened_s - tick / TICKS_PER_S,
                reason=reason,
            )
            hold = kinds.OrderSent(tick=tick, order="clock", data={"speed": 0}, by="program")
            drafts = [self.draft(body, room), self.draft(hold, room)]
            new = record.branch + 1
            await self.write(*(_on_branch(draft, new) for draft in drafts))
            await asyncio.to_thread(running.room.rewind, tick, now_s)
            running.watch.skip(running.room)

    # looking

    async def look(self) -> None:
        """Bring every room to now; log what happened there and what its seats see."""
        now_s = time.monotonic()
        for running in list(self.rooms.values()):
            look = functools.partial(self._look, running, now_s)
            drafts = await self._service.use(running.room, look)
            alarms = self._service.alarms(running.room)
            drafts += [
                self.draft(body, running.id) for body in alarm_changes(running.alarms, alarms)
            ]
            if drafts:
                await self.write(*drafts)
            await self._service.press(running.room, pressed_by(_done_at_last(drafts)))
        if self.state.frozen is not None:
            left_ms = time.time_ns() // 10**6 - self.state.frozen_wall_ms
            if left_ms > self.state.frozen.seconds * 1000:
                await self.thaw()

    def _look(self, running: RunningRoom, now_s: float) -> list[Draft]:
        room = running.room
        room.live(now_s)
        drafts = [self.draft(body, running.id) for body in changes_of(room, running.watch)]
        drafts += [
            self.draft(body, running.id, seat) for seat, body in done_at_last(room, running.waiting)
        ]
        if now_s - running.looked_s >= LOOK_S or running.look is None:
            running.look, running.looked_s = running.history.look(room), now_s
        running.facts = facts_of(room)
        if now_s - running.shown_s >= SHOWN_S and self.state.phase == "encounter":
            running.shown_s = now_s
            drafts += self.shown(running)
        return drafts

    def shown(self, running: RunningRoom, seat: str | None = None) -> list[Draft]:
        """Return what the seats of a room (or one of them) see now, as events."""
        body = shown_body(running.room)
        seats = [seat] if seat else [each.id for each in self.state.seats_of(running.id)]
        return [self.draft(body, running.id, each) for each in seats]

    async def thaw(self) -> None:
        """End the question; rooms go on as before."""
        if self.state.frozen is None:
            return
        await self.write(self.draft(kinds.ClassThawed(question=self.state.frozen.question)))
        await self.set_speeds()

    def seat(self, seat: str) -> Seat:
        """Return a seat that is taken; NotFound otherwise."""
        found = self.state.seats.get(seat)
        if found is None or found.left:
            raise refusal(NotFound, "seat_gone")
        return found

    # views

    def open_page(self, room: str, rung: str) -> PatientPage | None:
        """Return the live frames of a room's patient, at most at ``rung``."""
        running = self.rooms.get(room)
        return None if running is None else self._service.open_page(running.room, rung)

    def screen(self, seat: Seat) -> Screen:
        """Return what a seat sees."""
        running = self.rooms.get(seat.room or "")
        events, facts = (running.events, running.facts) if running else ([], None)
        return screen(self.state, seat, events, facts, time.time_ns() // 10**6, self.lesson.relay_s)

    def board_view(self, now_ms: int) -> Board:
        """Return the teacher's board: the true state of every room."""
        rows = []
        for record in self.state.rooms.values():
            running = self.rooms.get(record.id)
            room, look = (running.room, running.look) if running else (None, None)
            rows.append(board.row(self.state, record, room, look, now_ms))
        marks = {
            (event.body.tick, event.body.text)
            for running in self.rooms.values()
            for event in running.events
            if isinstance(event.body, kinds.Bookmark)
        }
        waiting = [seat for seat in self.state.present() if seat.room is None]
        return {
            "type": "board",
            **self._common(now_ms),
            "code": self.code,
            "rows": rows,
            "waiting": [board.seat_json(seat) for seat in waiting],
            "bookmarks": sorted(marks),
            "questions": [{"id": q.question, "text": q.text} for q in self.lesson.questions],
        }

    def wall_view(self, now_ms: int) -> Wall:
        """Return what the projector shows: shown readings, no true state.

        Names are there only while the teacher shows them.
        """
        return {
            "type": "wall",
            **self._common(now_ms),
            "code": self.code,
            "strips": [self._strip(running) for running in self.rooms.values()],
            "seats": [
                {"name": s.name if self.wall_names else "", "ready": s.ready}
                for s in self.state.present()
            ],
        }

    def _strip(self, running: RunningRoom) -> WallStrip:
        seats = self.state.seats_of(running.id) if self.wall_names else []
        read = running.facts["readings"] if running.facts else {}
        return {
            "names": [seat.name for seat in seats],
            "spo2": read.get("spo2"),
            "hr": read.get("heart_rate") or read.get("pulse_rate"),
            "ended": bool(self.state.rooms[running.id].result),
        }

    def _common(self, now_ms: int) -> ClassNow:
        state = self.state
        left_s = 0.0
        if state.frozen is not None:
            left_s = max(0.0, state.frozen.seconds - (now_ms - state.frozen_wall_ms) / 1000)
        return {
            "now": now_ms,
            "title": state.title,
            "goals": state.goals,
            "mode": state.mode,
            "phase": state.phase,
            "doors": state.doors,
            "wall_names": self.wall_names,
            "paused": state.paused,
            "frozen": state.frozen is not None,
            "left_s": round(left_s, 1),
            "question": histogram(state),
            "n_seats": len(state.present()),
            "n_ready": sum(seat.ready for seat in state.present()),
        }


def shown_body(room: Room) -> kinds.Shown:
    """Return the numbers on a screen of the room now."""
    found = {
        name: None if value is None else round(value, 1) for name, value in readings(room).items()
    }
    return kinds.Shown(tick=room.patient.pace.tick, readings=found)


def _at_tick(body: Body, tick: int) -> Body:
    return body.model_copy(update={"tick": tick}) if "tick" in type(body).model_fields else body


def _done_at_last(drafts: Iterable[Draft]) -> list[Order]:
    """Return the orders that the worker has done now, back at the bedside."""
    bodies = [draft.body for draft in drafts]
    return [
        Order(body.tick, "act", {"name": body.name})
        for body in bodies
        if isinstance(body, kinds.ActDone)
    ]


def _on_branch(draft: Draft, branch: int) -> Draft:
    return Draft(draft.class_id, draft.body, draft.room, draft.seat, draft.at_case_ms,
                 draft.at_wall_ms, branch)  # fmt: skip
