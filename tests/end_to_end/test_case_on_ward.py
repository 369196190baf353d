"""A room opened on a running demo: its patient is on the ward, and what is done to it shows there.

instructor, learner -> room -> log -> simulated devices -> bytes -> drivers -> gateway -> here
"""

import time
import urllib.request
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from teleward_gateway.commands.room import RoomClient
from teleward_gateway.testing.running_demo import RunningDemo

CONNECT_S = 30.0
"""BLE devices are found one after the other."""
SHOWN_S = 25.0
"""An oximeter averages over twelve seconds; the rest is two busy cores."""


class Class:
    """One room, its instructor and its learner."""

    def __init__(self, demo: RunningDemo, told: dict[str, Any]) -> None:
        self.demo, self.told = demo, told
        self.subject = told["page"].removeprefix("/bed/")
        self.path = f"/rooms/{told['code']}"
        self.instructor = RoomClient(demo.address, told["key"])
        self.learner = RoomClient(demo.address, "")

    def send(self, *orders: dict[str, Any]) -> None:
        self.instructor.send("POST", f"{self.path}/orders", {"orders": list(orders)})

    def newest(self, metric: str, since_ns: int) -> list[float | None]:
        """Return the values of a metric recorded since then; None where there was none."""
        records = self.demo.observations(self.subject, metric=metric, start_ns=since_ns)
        return [record["value"] for record in records]

    def wait(self, what: str, metric: str, is_so: Callable[[float | None], bool]) -> None:
        """Wait until the newest value of ``metric`` is as it should be."""
        since_ns, deadline_s = time.time_ns(), time.monotonic() + SHOWN_S
        seen: list[float | None] = []
        while not (seen and is_so(seen[-1])):
            assert time.monotonic() < deadline_s, f"{what}: {metric} {seen[-20:]}"
            time.sleep(0.5)
            seen = self.newest(metric, since_ns)


@pytest.fixture(scope="module")
def lesson(case_ward: Any) -> Class:
    """A second room, whose devices all stream."""
    demo = case_ward.demo
    key = (demo.folder / "data/simulated/rooms/operator-key").read_text().strip()
    client = RoomClient(demo.address, "", key)
    told = client.send("POST", "/rooms", {"case": "sepsis-01", "exam": True})
    lesson = Class(demo, told)
    wanted = {f"{lesson.subject}-{row['sensor']}" for row in told["devices"]}
    deadline_s = time.monotonic() + CONNECT_S
    while True:
        sessions = {row["id"]: row["session"] or {} for row in demo.get("devices")}
        states = {device: session.get("state") for device, session in sessions.items()}
        if {device for device, state in states.items() if state == "streaming"} >= wanted:
            break
        assert time.monotonic() < deadline_s, states
        time.sleep(0.5)
    return lesson


def test_the_patient_is_on_the_ward_and_unreviewed(lesson: Class) -> None:
    subject = next(s for s in lesson.demo.get("subjects") if s["id"] == lesson.subject)
    assert subject["provenance"] == "simulated"
    assert subject["attributes"]["detail"] == "Teaching case, review: unreviewed"
    assert len(subject["devices"]) == len(lesson.told["devices"]) == 6
    with urllib.request.urlopen(f"{lesson.demo.address}{lesson.told['page']}") as page:
        assert page.status == 200


@pytest.mark.true_time  # the patients are in another process, which has a clock of its own
def test_a_fault_shows_while_the_patient_is_well(lesson: Class) -> None:
    lesson.wait("probe on", "spo2", lambda value: value is not None)
    lesson.send({"kind": "fault", "fault": "probe_off", "sensor": "ox", "for": 4})
    lesson.wait("probe off", "spo2", lambda value: value is None)
    assert lesson.instructor.get(f"{lesson.path}/truth")["truth"]["SPO2"] > 93
    lesson.wait("probe back", "spo2", lambda value: value is not None)


@pytest.mark.true_time  # the patients are in another process, which has a clock of its own
def test_staged_changes_and_a_learners_shock_show(lesson: Class) -> None:
    lesson.send({"kind": "clock", "speed": 5})
    lesson.send({"kind": "bookmark", "text": "before"})
    lesson.wait("at the start", "heart_rate", lambda rate: rate is not None and rate < 130)
    lesson.send(
        {"kind": "rhythm", "name": "vt"},
        {"kind": "knob", "name": "shunt", "to": 0.6},
    )
    lesson.wait("staged rhythm", "heart_rate", lambda rate: rate is not None and rate > 140)
    shock = {"name": "sync_shock", "dose": "100 J"}
    lesson.learner.send("POST", f"{lesson.path}/acts", shock)
    lesson.wait("learner's shock", "heart_rate", lambda rate: rate is not None and rate < 135)
    lesson.wait("staged shunt", "spo2", lambda value: value is not None and value < 92)


@pytest.mark.true_time  # the patients are in another process, which has a clock of its own
def test_devices_go_on_after_a_rewind(lesson: Class) -> None:
    losses = lesson.demo.get("health")["parts"]["sessions"]["losses_total"]
    before = lesson.instructor.send("POST", f"{lesson.path}/rewind", {"bookmark": "before"})
    assert before["tick"] > 0
    lesson.wait("rewound", "spo2", lambda value: value is not None and value > 93)
    truth = lesson.instructor.get(f"{lesson.path}/truth")["truth"]
    values = [v for v in lesson.newest("spo2", time.time_ns() - 3 * 10**9) if v is not None]
    assert values[-1] == pytest.approx(truth["SPO2"], abs=2)
    lesson.send({"kind": "clock", "speed": 1}, {"kind": "rhythm", "name": "svt"})
    lesson.wait("after it", "heart_rate", lambda rate: rate is not None and rate > 140)
    assert lesson.demo.get("health")["parts"]["sessions"]["losses_total"] == losses


def test_closing_takes_the_patient_off_the_ward(lesson: Class) -> None:
    lesson.instructor.send("DELETE", lesson.path)
    assert lesson.subject not in {s["id"] for s in lesson.demo.get("subjects")}
    assert not [d for d in lesson.demo.get("devices") if d["id"].startswith(lesson.subject)]
    assert "sim-01" in {s["id"] for s in lesson.demo.get("subjects")}
    spec = (lesson.demo.folder / "teleward.toml").read_text()
    control = spec.split('fleet = "')[1].split('"')[0]
    answer = httpx.get(f"{control}/devices")  # with the key that is in the URL
    assert answer.status_code == 200
    assert lesson.told["code"] not in answer.text
