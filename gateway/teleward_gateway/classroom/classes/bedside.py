"""What happens at the bedside of a room between two looks: answers, messages, faults, the end.

`Watch` keeps how much of the director's state the log has already; `news_of` is what came since.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from teleward_gateway.classroom.classes.screen_types import Queue
from teleward_gateway.classroom.events import Body, Event, kinds
from teleward_gateway.classroom.rooms.room import Room
from teleward_simulators.cases.answers.items import HISTORY, catalogue
from teleward_simulators.cases.answers.worker import NOT_UNDERSTOOD, WAITING, Result
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.patient import TICKS_PER_S


@dataclass(slots=True)
class Watch:
    """How much of a room's state has been logged."""

    n_messages: int = 0
    n_faults: int = 0
    open_faults: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    """Numbers of the results that were logged."""
    ended: bool = False

    def skip(self, room: Room) -> None:
        """Take everything up to now as logged: after a restart or a rewind."""
        state, time_s = room.director.state, room.patient.time_s
        self.n_messages, self.n_faults = len(state.messages), len(state.faults)
        self.open_faults = {i for i, fault in enumerate(state.faults) if fault.at(time_s)}
        self.answered = {r.number for r in room.director.results() if r.status != WAITING}
        self.ended = bool(state.result)


def changes_of(room: Room, watch: Watch) -> Iterator[Body]:
    """Yield the bodies of what happened since the last look, and note them in ``watch``."""
    state = room.director.state
    for line in state.messages[watch.n_messages :]:
        yield kinds.Message(who=line.who, text=line.text, texts=dict(line.texts))
    watch.n_messages = len(state.messages)
    yield from _faults(room, watch)
    for row in room.director.results():
        if row.status != WAITING and row.number not in watch.answered:
            watch.answered.add(row.number)
            yield _answered(row)
    if state.result and not watch.ended:
        watch.ended = True
        yield kinds.Ended(result=state.result)


def done_at_last(room: Room, waiting: list[Event]) -> Iterator[tuple[str | None, Body]]:
    """Yield seat and ``act.done`` of orders that waited for the worker and are done now."""
    tick = room.patient.pace.tick
    for event in waiting:
        body = event.body
        if not isinstance(body, kinds.ActWaiting) or body.tick >= tick:
            continue  # it has not reached the bedside yet
        if not room.director.waits(body.name, body.dose):
            yield event.seat, kinds.ActDone(
                task=body.task, name=body.name, dose=body.dose, tick=tick, waited=True,
                confirmed=body.confirmed,
            )  # fmt: skip


def queue_of(room: Room) -> Queue:
    """Return what the worker has still to find out, and the seconds of case time that it takes."""
    step = room.director.state.step
    return {
        "away_s": round(room.director.away_s(room.patient.body)),
        "items": [
            {"labels": _labels(row), "left_s": max(0, row.due_step - step) // STEPS_PER_S}
            for row in room.director.results()
            if row.status == WAITING
        ],
    }


def _labels(row: Result) -> dict[str, str]:
    """Return what was asked for, by language; free text as it was typed."""
    item = catalogue().get(row.item)
    return dict(item.label) if item is not None else {"en": row.asked}


def _answered(row: Result) -> Body:
    task, text = f"q-{row.number}", dict(row.text).get("en", "")
    if row.status == NOT_UNDERSTOOD:
        return kinds.AskMisunderstood(text=row.asked)
    item = catalogue().get(row.item)
    if item is not None and item.kind == HISTORY:
        return kinds.AskAnswered(task=task, item=row.item, answer=text, texts=dict(row.text))
    return kinds.ResultReady(task=task, item=row.item, text=text, texts=dict(row.text))


def _faults(room: Room, watch: Watch) -> Iterator[Body]:
    faults, time_s = room.director.state.faults, room.patient.time_s
    tick = room.patient.pace.tick
    for index in range(watch.n_faults, len(faults)):
        fault = faults[index]
        watch.open_faults.add(index)
        yield kinds.FaultOn(
            fault=fault.kind,
            sensor=fault.sensor,
            tick=round(fault.start_s * TICKS_PER_S),
            seconds=fault.end_s - fault.start_s,
            value=fault.value,
        )
    watch.n_faults = len(faults)
    for index in sorted(watch.open_faults):
        if index < len(faults) and faults[index].end_s <= time_s:
            watch.open_faults.discard(index)
            fault = faults[index]
            yield kinds.FaultOff(fault=fault.kind, sensor=fault.sensor, tick=tick)


def alarm_changes(known: dict[str, str], present: list[dict[str, Any]]) -> Iterator[Body]:
    """Yield the alarms that began, were acknowledged or ended, and note them in ``known``."""
    now = {str(alarm["condition"]): alarm for alarm in present}
    for condition, alarm in now.items():
        if condition not in known:
            yield kinds.AlarmOn(
                condition=condition,
                priority=str(alarm["priority"]),
                metric=alarm["metric"],
                value=alarm["value"],
            )
        elif alarm["presence"] == "ack" and known[condition] != "ack":
            yield kinds.AlarmAck(condition=condition)
        known[condition] = str(alarm["presence"])
    for condition in set(known) - set(now):
        del known[condition]
        yield kinds.AlarmOff(condition=condition)
