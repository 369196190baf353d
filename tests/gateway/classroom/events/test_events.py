"""The event contract: kinds, schema, documents and the logs of example learners."""

import json
import re
from pathlib import Path

import pytest

from teleward_gateway.classroom.classes.bedside import alarm_changes
from teleward_gateway.classroom.events import KINDS, SCHEMA, Draft, Event, kinds
from teleward_gateway.classroom.events.event import json_schema, read_lines, write_lines
from teleward_gateway.classroom.events.timeline import abandoned, lineage, orders
from teleward_signal.errors import Invalid

ROOT = Path(__file__).parents[4]
FIXTURES = Path(__file__).parents[1] / "fixtures"
LOGS = sorted(FIXTURES.glob("*.jsonl"))


def event(seq: int, body: kinds.Body, room: str | None = "r-1", branch: int = 0) -> Event:
    """Return an event of a room."""
    return Event.of(Draft("c-1", body, room, branch=branch), seq)


def test_the_document_and_the_schema_file_name_every_kind() -> None:
    text = (ROOT / "docs" / "classroom-events.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9.]+)`", text))
    assert set(KINDS) <= named
    written = json.loads((ROOT / "docs" / "classroom-events-1.json").read_text(encoding="utf-8"))
    assert written == json_schema()


def test_an_event_survives_json() -> None:
    made = event(7, kinds.ActDone(task="t-1", name="oxygen", dose="10 L/min", tick=99))
    assert Event.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_an_unknown_kind_is_kept_as_it_is() -> None:
    row = event(1, kinds.SeatHand(up=True)).to_json()
    row |= {"kind": "seat.waves", "body": {"both": True}}
    kept = Event.from_json(row)
    assert kept.kind == "seat.waves"
    assert kept.to_json() == row


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v": SCHEMA + 1}, "upgrade"),
        ({"body": {"up": "maybe"}}, "up"),
        ({"body": {"up": True, "down": 1}}, "down"),
        ({"seq": None}, "None"),
    ],
)
def test_a_wrong_event_is_refused_with_its_reason(change: dict[str, object], reason: str) -> None:
    row = {**event(1, kinds.SeatHand(up=True)).to_json(), **change}
    with pytest.raises(Invalid, match=reason):
        Event.from_json(row)
    with pytest.raises(Invalid, match="line 2"):
        read_lines(write_lines([event(1, kinds.SeatHand(up=True))]) + json.dumps(row))


def test_a_rewind_abandons_what_came_after_and_never_who_sat_there() -> None:
    act = kinds.ActDone(task="t-1", name="oxygen", dose="10 L/min", tick=50)
    late = kinds.ActDone(task="t-2", name="sedative", tick=90)
    again = kinds.ActDone(task="t-3", name="salbutamol", dose="5 mg", tick=80)
    events = [
        event(1, kinds.OrderSent(tick=0, order="clock", data={"speed": 1})),
        event(2, act),
        event(3, late),
        event(4, kinds.Message(who="s-1", text="too late")),
        event(5, kinds.SeatPlaced(role="learner")),
        event(6, kinds.ClassRewound(to_tick=70, from_branch=0, behind_s=3.0), branch=1),
        event(7, again, branch=1),
        event(8, kinds.ActDone(task="t-9", name="other", tick=60), room="r-2"),
    ]
    assert [e.seq for e in lineage(events, "r-1")] == [1, 2, 5, 6, 7]
    assert [e.seq for e in abandoned(events, "r-1")] == [3, 4]
    assert [(o.tick, o.data.get("name")) for o in orders(events, "r-1")] == [
        (0, None), (50, "oxygen"), (80, "salbutamol"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_the_log_of_an_example_learner_is_whole(path: Path) -> None:
    events = read_lines(path.read_text(encoding="utf-8"))
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [e.at_wall_ms for e in events] == sorted(e.at_wall_ms for e in events)
    found = {e.kind for e in events}
    assert {"class.opened", "seat.joined", "room.opened", "shown", "ended", "reflect"} <= found
    ordered = [e.body.task for e in events if isinstance(e.body, kinds.ActOrdered)]
    done = [e.body.task for e in events if isinstance(e.body, kinds.ActDone)]
    assert sorted(ordered) == sorted(done)
    shown = [e for e in events if isinstance(e.body, kinds.Shown)]
    assert len(shown) >= events[-1].at_wall_ms // 1000 % 10**6 // 100
    ticks = [o.tick for o in orders(events, "r-1")]
    assert ticks == sorted(ticks)


def test_there_is_a_log_of_every_kind_of_learner() -> None:
    assert {path.stem for path in LOGS} == {
        "expert", "slow", "shotgun", "omission", "diagnosis_only", "wrong_diagnosis", "idle",
    }  # fmt: skip


def test_alarms_of_the_patient_become_events_once() -> None:
    known: dict[str, str] = {}
    high = {"condition": "spo2_low", "priority": "high", "presence": "on", "metric": "spo2",
            "value": 84.0}  # fmt: skip
    assert [b.kind for b in alarm_changes(known, [high])] == ["alarm.on"]
    assert list(alarm_changes(known, [high])) == []
    assert [b.kind for b in alarm_changes(known, [{**high, "presence": "ack"}])] == ["alarm.ack"]
    assert [b.kind for b in alarm_changes(known, [])] == ["alarm.off"]
    assert known == {}
