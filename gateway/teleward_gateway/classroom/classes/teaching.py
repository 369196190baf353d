"""What a teacher does: doors, begin, pause, ask all, bookmark, staged changes, rewind, end."""

from collections.abc import Sequence

from teleward_gateway.classroom.classes import rules
from teleward_gateway.classroom.classes.running import RunningClass
from teleward_gateway.classroom.events import kinds
from teleward_gateway.classroom.rooms.orders import OrderModel
from teleward_signal.errors import Conflict, Invalid, NotFound

PHASES = ("doors", "prebrief", "encounter", "words", "debrief")


async def set_phase(running: RunningClass, phase: str) -> None:
    """Enter a phase; patients run in the encounter only."""
    if phase not in PHASES:
        raise Invalid(f"no phase {phase!r}: use {', '.join(PHASES)}")
    body = kinds.ClassPhase.model_validate({"phase": phase})
    await running.write(running.draft(body))
    await running.set_speeds()


async def set_doors(running: RunningClass, is_open: bool) -> None:
    """Open or lock the doors for new seats."""
    await running.write(running.draft(kinds.ClassDoors(open=is_open)))


async def pause(running: RunningClass, paused: bool) -> None:
    """Hold all rooms, or resume them."""
    await running.write(running.draft(kinds.ClassPaused(paused=paused)))
    await running.set_speeds()


async def freeze(running: RunningClass, question: kinds.ClassFrozen) -> None:
    """Hold all rooms and ask every seat; answers are private."""
    if running.state.frozen is not None:
        raise Conflict("a question is open already; end it first")
    await running.write(running.draft(question))
    await running.set_speeds()


def lesson_question(running: RunningClass, name: str) -> kinds.ClassFrozen:
    """Return a question of the lesson."""
    for question in running.lesson.questions:
        if question.question == name:
            return question
    known = ", ".join(question.question for question in running.lesson.questions) or "none"
    raise NotFound(f"this lesson has no question {name!r}; it has {known}")


def targets(running: RunningClass, room: str | None) -> list[str]:
    """Return a room, or all that are open."""
    if room is not None:
        running.running(room)
        return [room]
    return [record.id for record in running.state.rooms.values() if not record.closed]


async def change(running: RunningClass, room: str | None, orders: Sequence[OrderModel]) -> int:
    """Carry out staged changes in one room, or in all; return how many rooms."""
    for order in orders:
        order.check()
    chosen = targets(running, room)
    for each in chosen:
        await running.order(each, orders)
    return len(chosen)


async def bookmark(running: RunningClass, text: str) -> None:
    """Mark this moment in every room."""
    drafts = [
        running.draft(kinds.Bookmark(text=text, tick=max(1, each.room.patient.pace.tick)), each.id)
        for each in running.rooms.values()
    ]
    await running.write(*drafts)


async def rewind_all(running: RunningClass, text: str | None, time_s: float | None) -> int:
    """Take every room back to its bookmark ``text`` or to a second; the class is paused there."""
    ticks: dict[str, int] = {}
    for each in running.rooms.values():
        if time_s is not None:
            ticks[each.id] = max(1, int(time_s * 10))
            continue
        marks = [
            e.body.tick
            for e in each.events
            if isinstance(e.body, kinds.Bookmark) and (text is None or e.body.text == text)
        ]
        if not marks:
            raise NotFound(f"no bookmark {text!r}" if text else "no bookmark is set")
        ticks[each.id] = marks[-1]
    await pause(running, True)
    for room, tick in ticks.items():
        await running.rewind(room, tick, text or f"{time_s:g} s")
    return len(ticks)


async def send_message(running: RunningClass, text: str, room: str | None) -> None:
    """Write to one room, or to all."""
    bodies = [
        running.draft(kinds.Message(who="teacher", to="room", text=text), each)
        for each in targets(running, room)
    ]
    await running.write(*bodies)


async def place(running: RunningClass, seat: str, room: str, role: kinds.Role) -> None:
    """Give a seat a room and a role."""
    running.seat(seat)
    running.running(room)
    await running.write(running.draft(kinds.SeatPlaced(role=role), room, seat))


async def remove(running: RunningClass, seat: str) -> None:
    """Take a seat away."""
    running.seat(seat)
    await running.write(running.draft(kinds.SeatLeft(reason="removed"), None, seat))


def plan_rooms(running: RunningClass) -> list[list[str]]:
    """Return the seats without a room, grouped as the mode shares rooms."""
    seats = [seat.id for seat in running.state.present() if seat.room is None]
    size = rules.room_size(running.state) or max(1, len(seats))
    return [seats[start : start + size] for start in range(0, len(seats), size)]
