"""What a learner does from the seat: ask, order, judge, write, hand over."""

import asyncio
import secrets

from teleward_gateway.classroom.classes import rules
from teleward_gateway.classroom.classes.board import true_news2
from teleward_gateway.classroom.classes.running import RunningClass, RunningRoom, shown_body
from teleward_gateway.classroom.classes.state import Seat
from teleward_gateway.classroom.events import Body, kinds
from teleward_gateway.classroom.rooms.orders import ActOrder, AskOrder
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Conflict, Forbidden, Invalid, NotFound
from teleward_simulators.cases.action_words import action_label
from teleward_simulators.cases.answers.answer import Texts
from teleward_simulators.cases.answers.understanding import understood
from teleward_simulators.cases.voice import sentence
from teleward_simulators.physiology.actions import action_named
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.units import parse_dose

DAY_MIN = 24 * 60.0
TOO_MUCH = 9.0
"""Times the usual dose: the worker asks back a second time."""


async def ask(running: RunningClass, seat: Seat, text: str) -> float:
    """Ask the worker; return the seconds of case time until the answer is there.

    0 when it is not understood: that the worker answers at once.
    """
    rules.check_acting(running.state, seat)
    mine = running.running(seat.room)
    director = mine.room.director
    planned = director.plan(text)
    wait_s = (planned.due_step - director.state.step) / STEPS_PER_S if planned else 0.0
    placed = kinds.AskPlaced(task=_task(), item=understood(text), text=text)
    await running.order(mine.id, [AskOrder(name=text)], [placed], seat=seat.id, by="learner")
    return wait_s


async def order(running: RunningClass, seat: Seat, name: str, dose: str) -> tuple[str, str]:
    """Order something of the worker; return the task and what is read back (empty: it is done)."""
    rules.check_acting(running.state, seat)
    act = ActOrder(name=name, dose=dose or None)
    act.check()
    task = _task()
    mine = running.running(seat.room)
    ordered = kinds.ActOrdered(
        task=task, name=name, dose=dose, tick=mine.room.patient.pace.tick,
        repeated=name in running.state.rooms[mine.id].done,
    )  # fmt: skip
    if dose:
        readback = _readback(task, act, "dose")
        await _write(running, mine, seat, ordered, readback)
        return task, readback.text
    await _write(running, mine, seat, ordered)
    await _do(running, mine, seat, task, act)
    return task, ""


def minutes_since_done(running: RunningClass, seat: Seat, name: str) -> float | None:
    """Return the minutes of case time since an action was done, within a day; None otherwise."""
    if seat.room is None:
        return None
    mine = running.running(seat.room)
    times = [
        event.at_case_ms or 0
        for event in mine.events
        if isinstance(event.body, kinds.ActDone) and event.body.name == name
    ]
    if not times:
        return None
    minutes = mine.room.director.state.second / 60 - times[-1] / 60_000
    return max(0.0, minutes) if minutes <= DAY_MIN else None


async def confirm(running: RunningClass, seat: Seat, task: str, yes: bool) -> str:
    """Answer a read-back; return what is asked once more (empty: it is done, or dropped)."""
    rules.check_acting(running.state, seat)
    mine = running.running(seat.room)
    ordered, reason = _open_order(mine, seat, task)
    act = ActOrder(name=ordered.name, dose=ordered.dose or None, confirmed=True)
    answered = _readback(task, act, confirmed=yes)
    if not yes:
        refused = _refused(task, act, sentence("changed"))
        await _write(running, mine, seat, answered, refused)
        return ""
    if reason == "dose" and times_usual(act) >= TOO_MUCH:
        again = _readback(task, act, "far above the usual")
        await _write(running, mine, seat, answered, again)
        return again.text
    await _write(running, mine, seat, answered)
    await _do(running, mine, seat, task, act)
    return ""


async def _do(
    running: RunningClass, mine: RunningRoom, seat: Seat, task: str, act: ActOrder
) -> None:
    room, what = mine.room, {"task": task, "name": act.name, "dose": act.dose or "", "tick": 0}
    body: Body
    if reason := room.director.refuses(act.name):
        body = _refused(task, act, reason)
    elif room.director.away_s(room.patient.body) > 0.0:
        body = kinds.ActWaiting(**what, confirmed=bool(act.confirmed))
    else:
        body = kinds.ActDone(**what, confirmed=bool(act.confirmed))
    await running.order(mine.id, [act], [body], seat=seat.id, by="learner")


async def think_news2(running: RunningClass, seat: Seat, points: dict[str, int | None]) -> int:
    """Log a learner's NEWS2 points; return the total. It is asked before it is shown."""
    rules.check_encounter(running.state)
    mine = running.running(seat.room)
    lacking = [name for name in rules.NEWS2 if points.get(name) is None]
    if lacking or set(points) - set(rules.NEWS2):
        raise refusal(Invalid, "news2_points", rows=", ".join(lacking or rules.NEWS2))
    total = sum(value or 0 for value in points.values())
    true = await asyncio.to_thread(true_news2, mine.room.patient.body)
    body = kinds.ThinkNews2(points=points, total=total, true_total=true)
    await _write(running, mine, seat, body)
    return total


async def think(running: RunningClass, seat: Seat, body: Body) -> None:
    """Log a diagnosis, a disposition, a note or a request."""
    if running.state.phase not in ("encounter", "words"):
        raise refusal(Conflict, "not_running")
    await _write(running, running.running(seat.room), seat, body)


async def send_message(running: RunningClass, seat: Seat, to: str, text: str) -> None:
    """Write to the worker, the room or the teacher."""
    body = kinds.Message(who=seat.id, to=to, text=text)
    await running.write(running.draft(body, seat.room, seat.id))


async def hand(running: RunningClass, seat: Seat, up: bool) -> None:
    """Raise or lower the hand."""
    await running.write(running.draft(kinds.SeatHand(up=up), seat.room, seat.id))


async def answer(running: RunningClass, seat: Seat, value: str) -> None:
    """Answer the question that is open; the newest answer counts."""
    question = running.state.frozen
    if question is None:
        raise refusal(Conflict, "question_over")
    if question.options and value not in {str(i) for i in range(len(question.options))}:
        raise refusal(Invalid, "choose")
    body = kinds.ClassAnswered(question=question.question, value=value)
    await running.write(running.draft(body, None, seat.id))


async def hand_over(running: RunningClass, seat: Seat, body: kinds.HandoverGiven) -> None:
    """Hand the patient over: logged, and in a relay the pen goes to the next seat."""
    rules.check_encounter(running.state)
    mine = running.running(seat.room)
    if running.state.mode in ("together", "relay") and seat.role != "pen":
        raise refusal(Forbidden, "handover")
    heirs = [each for each in running.state.seats_of(mine.id) if each.id != seat.id]
    heir = next((each for each in heirs if each.id == body.to_seat), heirs[0] if heirs else None)
    drafts = [running.draft(body, mine.id, seat.id)]
    if heir is not None and running.state.mode in ("together", "relay"):
        drafts += [
            running.draft(kinds.HandoverTaken(from_seat=seat.id), mine.id, heir.id),
            running.draft(kinds.SeatPlaced(role="watcher"), mine.id, seat.id),
            running.draft(kinds.SeatPlaced(role="pen"), mine.id, heir.id),
        ]
    await running.write(*drafts)


async def reflect(running: RunningClass, seat: Seat, words: str, change: str) -> None:
    """Keep the words before the score; Invalid when they are too few."""
    if running.state.phase not in ("words", "debrief"):
        raise refusal(Conflict, "first_finish")
    rules.check_words(words, change)
    body = kinds.Reflect(words=words, change=change)
    await running.write(running.draft(body, seat.room, seat.id))


async def _write(running: RunningClass, mine: RunningRoom, seat: Seat, *bodies: Body) -> None:
    shown = running.draft(shown_body(mine.room), mine.id, seat.id)
    drafts = [running.draft(body, mine.id, seat.id) for body in bodies]
    await running.write(*drafts, shown)


def _open_order(mine: RunningRoom, seat: Seat, task: str) -> tuple[kinds.ActOrdered, str]:
    """Return an order that waits for the answer to its read-back, and why it is read back."""
    ordered: kinds.ActOrdered | None = None
    reason, closed = "", False
    for event in mine.events:
        body = event.body
        if getattr(body, "task", None) != task or event.seat != seat.id:
            continue
        if isinstance(body, kinds.ActOrdered):
            ordered = body
        elif isinstance(body, kinds.ActReadback) and body.confirmed is None:
            reason = body.reason
        closed = closed or isinstance(body, kinds.ActDone | kinds.ActRefused)
    if ordered is None:
        raise refusal(NotFound, "no_order")
    if closed:
        raise refusal(Conflict, "order_answered")
    return ordered, reason


def times_usual(act: ActOrder) -> float:
    """Return how many times the usual dose an order is; 1 without a dose."""
    action = action_named(act.name)
    if not act.dose or not action.usual:
        return 1.0
    return float(parse_dose(act.dose, action.unit or "") / action.usual)


def _readback(
    task: str, act: ActOrder, reason: str = "", confirmed: bool | None = None
) -> kinds.ActReadback:
    """Return an order as the worker reads it back, in every language."""
    texts = {language: f"{name} {act.dose}" for language, name in action_label(act.name)}
    return kinds.ActReadback(
        task=task, text=texts["en"], texts=texts, reason=reason, confirmed=confirmed
    )


def _refused(task: str, act: ActOrder, why: Texts) -> kinds.ActRefused:
    texts = dict(why)
    return kinds.ActRefused(
        task=task, name=act.name, dose=act.dose or "", reason=texts["en"], texts=texts
    )


def _task() -> str:
    return f"t-{secrets.token_hex(4)}"
