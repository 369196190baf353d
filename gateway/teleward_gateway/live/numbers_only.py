"""The message of pages that get numbers only: short, every two seconds, 0.6 kbit/s a bed.

    [now, [[key, lag, values, again], ...], [change, ...]]
      now     UTC of the gateway, ms
      key     of the subject, from its description
      lag     ms from the newest of its values to ``now``
      values  {place: value or [value, quality]}: only these differ
      again   [place, ...]: measured again, nothing differs
      change  what does not fit, as in an update

The place of a metric is its place among the ``metrics`` of the first message. A value that is
older than the newest one by more than a turn travels as a change, with its own time.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from teleward_gateway.live.subject import LiveSubject
from teleward_gateway.process.supervisor import Supervisor

TURN_TICKS = 20
"""Ticks between two messages: 2 s."""
URGENT_TICKS = 5
"""An alarm that begins, changes or ends, and who left, do not wait for the turn."""
SAME_TURN_MS = 4000
SHORT = frozenset({"value", "quality", "time"})

Part = tuple[str, list[str]]
"""The short part of a subject or "", and its changes as JSON."""


class Numbers:
    """Makes the messages; ``places`` of the metrics are theirs in the first message of a page."""

    def __init__(self, places: Mapping[str, int], supervisor: Supervisor) -> None:
        self.left: list[str] = []
        """Subjects who left since the last message."""
        self._places, self._supervisor = places, supervisor

    def is_due(self, ticks: int, subjects: Iterable[LiveSubject]) -> bool:
        """Return whether the pages get a message at this tick."""
        if ticks % TURN_TICKS == 0:
            return True
        return ticks % URGENT_TICKS == 0 and bool(self.left or any(s.is_urgent for s in subjects))

    def parts(self, subjects: Iterable[LiveSubject], now_ms: int) -> dict[str, Part]:
        """Return by subject what changed since the last message.

        Who left comes first: one who left and came back is somebody else.
        """
        found: dict[str, Part] = {
            subject: ("", [_json({"id": subject, "removed": True})]) for subject in self.left
        }
        self.left = []
        for live in subjects:
            with self._supervisor.contain(f"numbers of {live.id}"):
                short, change = _of(live, self._places, now_ms)
                before = found.get(live.id, ("", []))[1]
                found[live.id] = (short, before + ([_json(change)] if change else []))
        return found


def join_numbers(now_ms: int, parts: Iterable[Part]) -> str:
    """Return the message of one page."""
    shorts, changes = [], []
    for short, whole in parts:
        shorts += [short] if short else []
        changes += whole
    return f"[{now_ms},[{','.join(shorts)}],[{','.join(changes)}]]"


def _of(
    live: LiveSubject, places: Mapping[str, int], now_ms: int
) -> tuple[str, dict[str, Any] | None]:
    """Return (the short part, the change) of one subject."""
    live.is_urgent = False
    drained = list(live.slow.drain(live.values))
    newest = max((value["time"] for _, value, _ in drained), default=now_ms)
    values: dict[int, Any] = {}
    again: list[int] = []
    whole: dict[str, Any] = {}
    updates: dict[str, Any] = {}
    for metric, value, differs in drained:
        if differs is None or metric not in places:
            whole[metric] = value
        elif not differs.keys() <= SHORT or newest - value["time"] > SAME_TURN_MS:
            updates[metric] = differs | {"time": value["time"]}
        elif "quality" in differs:
            values[places[metric]] = [value.get("value"), differs["quality"]]
        elif "value" in differs:
            values[places[metric]] = differs["value"]
        else:
            again.append(places[metric])
    change: dict[str, Any] = {name: live.part(name) for name in live.slow.drain_parts()}
    change |= {"values": whole} if whole else {}
    change |= {"updates": updates, "at": newest} if updates else {}
    short = _json([live.key, now_ms - newest, values, again]) if values or again else ""
    return short, {"id": live.id, "key": live.key, **change} if change else None


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
