"""One cause, one alarm: fast and slow hearts, arrest, breathing, silent devices, and not more."""

import random
from itertools import pairwise

import pytest

from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.causes import covered, families
from teleward_signal.alarms.limits import AlarmLimits, MetricLimits
from teleward_signal.alarms.table import URGENCY
from teleward_signal.model import AlarmEvent, Annotation, Measurement, Presence, Priority

S = 1_000_000_000
WHO = "anna"
METRIC_OF = {"HR": "heart_rate", "PR": "pulse_rate", "SpO2": "spo2", "RR": "respiratory_rate"}
RHYTHMS = (
    "narrow_tachycardia", "ventricular_tachycardia", "ventricular_fibrillation", "asystole",
    "bradycardia", "pause", "apnoea", "atrial_fibrillation", "ventricular_run", "bigeminy",
)  # fmt: skip


class Ward:
    """A board, a clock, and what its events alone show."""

    def __init__(self) -> None:
        self.board = AlarmBoard()
        self.now_ns = 1_700_000_000 * S
        self.seen: dict[str, AlarmEvent] = {}
        self.begun: list[str] = []

    def take(self, events: list[AlarmEvent]) -> None:
        for event in events:
            if event.presence is Presence.OFF:
                self.seen.pop(event.condition, None)
                continue
            if event.condition not in self.seen:
                self.begun.append(event.condition)
            self.seen[event.condition] = event

    def give(self, seconds: int = 1, source: str = "patch", /, **values: float | None) -> None:
        """Give values by short name each second."""
        for _ in range(seconds):
            self.now_ns += S
            if values:
                self.take(self.board.see(WHO, source, self.now_ns))
            for short, value in values.items():
                at = Measurement(METRIC_OF[short], value, time_ns=self.now_ns, valid_s=5.0)
                self.take(self.board.update(WHO, at, self.now_ns, source=source))
            self.take(self.board.tick(self.now_ns))

    def rhythm(self, name: str, ends: bool = False) -> None:
        text = f"{name.replace('_', ' ')} {'ends' if ends else 'begins'}"
        metric = "respiration" if name == "apnoea" else "ecg_ii"
        mark = Annotation(metric, "+", self.now_ns, label=text)
        self.take(self.board.rhythm(WHO, mark, self.now_ns, source="patch"))

    def acknowledge(self, name: str) -> None:
        self.take(self.board.acknowledge(WHO, name, "nurse", self.now_ns))

    @property
    def alarms(self) -> dict[str, str]:
        return {event.condition: event.text for event in self.board.active(WHO)}


def test_a_fast_heart_is_one_alarm_with_pulse_rhythm_and_limit() -> None:
    ward = Ward()
    ward.rhythm("narrow_tachycardia")
    ward.rhythm("atrial_fibrillation")
    ward.give(12, HR=152.0, PR=150.0)
    assert ward.alarms == {
        "heart_rate_very_high": (
            "HR very high: 152 > 130, pulse 150, narrow tachycardia, atrial fibrillation"
        )
    }


def test_an_alarm_that_was_acknowledged_is_quiet_as_the_heart_slows_down() -> None:
    ward = Ward()
    ward.rhythm("narrow_tachycardia")
    ward.give(12, HR=152.0, PR=150.0)
    ward.acknowledge("heart_rate_very_high")
    ward.give(15, HR=125.0, PR=124.0)
    assert ward.alarms == {
        "narrow_tachycardia": "Narrow tachycardia, HR high: 125 > 120, pulse 124"
    }
    assert ward.board.active(WHO)[0].presence is Presence.ACKNOWLEDGED
    assert ward.board.audible(WHO) is None
    ward.give(12, HR=152.0, PR=150.0)  # worse again is a new alarm
    assert ward.board.audible(WHO) is Priority.HIGH


@pytest.mark.parametrize(
    ("rhythms", "values", "alarms"),
    [
        (("bradycardia", "pause"), {"HR": 36.0, "PR": 36.0}, {"pause"}),
        ((), {"HR": 150.0, "PR": 80.0}, {"heart_rate_very_high", "pulse_difference"}),
        (("apnoea",), {"SpO2": 82.0, "RR": 3.0}, {"apnoea", "spo2_very_low"}),
        (("apnoea",), {"HR": 150.0, "SpO2": 82.0},
         {"apnoea", "heart_rate_very_high", "spo2_very_low"}),
        (("ventricular_tachycardia", "ventricular_run"), {"HR": 180.0},
         {"ventricular_tachycardia"}),
        (("bigeminy",), {"HR": 150.0}, {"bigeminy", "heart_rate_very_high"}),
        (("ventricular_run",), {"HR": 125.0}, {"ventricular_run", "heart_rate_high"}),
    ],
)  # fmt: skip
def test_each_cause_has_its_alarm(
    rhythms: tuple[str, ...], values: dict[str, float], alarms: set[str]
) -> None:
    ward = Ward()
    for name in rhythms:
        ward.rhythm(name)
    ward.give(12, "patch", **values)
    assert set(ward.alarms) == alarms


@pytest.mark.parametrize(
    ("marks", "alarm", "text"),
    [
        ("narrow wide VT", "ventricular_tachycardia", "Ventricular tachycardia, HR 180"),
        ("wide VT narrow", "ventricular_tachycardia", "Ventricular tachycardia, HR 180"),
        ("narrow -narrow wide VT", "ventricular_tachycardia", "Ventricular tachycardia, HR 180"),
        ("VT -VT wide", "wide_tachycardia",
         "Wide tachycardia, HR 180, earlier ventricular tachycardia"),
        ("VT -VT narrow", "ventricular_tachycardia",
         "Ventricular tachycardia, HR 180, now narrow tachycardia"),
        ("wide AF", "wide_tachycardia", "Wide tachycardia, HR 180, atrial fibrillation"),
        ("AF VT", "ventricular_tachycardia", "Ventricular tachycardia, HR 180"),
        ("bradycardia pause asystole AF", "asystole", "Asystole"),
        ("pause -pause bradycardia", "pause", "Pause, HR 180, now bradycardia"),
        ("narrow VF", "ventricular_fibrillation", "VF/VT"),
    ],
)  # fmt: skip
def test_an_alarm_names_the_most_dangerous_rhythm_that_is_present(
    marks: str, alarm: str, text: str
) -> None:
    short = {"VT": "ventricular_tachycardia", "VF": "ventricular_fibrillation",
             "AF": "atrial_fibrillation", "wide": "wide_tachycardia",
             "narrow": "narrow_tachycardia"}  # fmt: skip
    ward = Ward()
    ward.give(2, HR=180.0)
    for mark in marks.split():
        name = mark.removeprefix("-")
        ward.rhythm(short.get(name, name), ends=mark != name)
    assert ward.alarms.get(alarm) == text
    assert ward.seen[alarm].text == text


def test_fibrillation_without_a_pulse_is_one_alarm() -> None:
    ward = Ward()
    ward.give(5, HR=80.0, PR=80.0, SpO2=96.0)
    ward.rhythm("ventricular_fibrillation")
    ward.give(40, HR=None, PR=None, SpO2=None)
    assert ward.alarms == {"ventricular_fibrillation": "VF/VT"}
    ward.rhythm("ventricular_fibrillation", ends=True)
    ward.give(12, HR=125.0, PR=124.0, SpO2=96.0)  # another cause, though the first one is unseen
    assert list(ward.alarms) == ["ventricular_fibrillation", "heart_rate_high"]


def test_a_silent_device_is_one_alarm_and_two_devices_are_two() -> None:
    ward = Ward()
    ward.give(1, "ox", PR=80.0, SpO2=96.0)
    ward.give(1, "patch", HR=80.0, RR=14.0)
    ward.give(35)
    assert sorted(ward.alarms.values()) == ["HR no data, RR no data", "PR no data, SpO₂ no data"]
    ward.take(ward.board.technical(WHO, "link_lost:ox", True, ward.now_ns, "ox is not connected"))
    assert "link_lost:ox" in ward.alarms
    assert len(ward.alarms) == 2


def test_readings_of_one_cuff_are_one_alarm_for_each_side() -> None:
    board, now_ns = AlarmBoard(), 1_700_000_000 * S
    limits = AlarmLimits().with_metric("nibp_diastolic", MetricLimits(high=100, medium_delay_s=0))
    board.set_limits(WHO, limits)
    for metric, value in (("nibp_systolic", 206.0), ("nibp_diastolic", 119.0)):
        board.update(WHO, Measurement(metric, value, time_ns=now_ns, valid_s=3600.0), now_ns)
    assert [event.condition for event in board.active(WHO)] == ["nibp_systolic_very_high"]


def test_what_is_covered_ends_no_audio_pause() -> None:
    ward = Ward()
    ward.give(7, PR=150.0)
    ward.board.pause_audio(WHO, ward.now_ns + 60 * S)
    ward.give(7, HR=152.0, PR=150.0)
    assert ward.board.audio_pause_left_s(WHO) > 40
    ward.rhythm("apnoea")
    assert ward.board.audio_pause_left_s(WHO) == 0


@pytest.mark.parametrize("seed", range(6))
def test_no_life_shows_two_alarms_of_a_cause_or_loses_one(seed: int) -> None:
    ward, chance = Ward(), random.Random(seed)
    for _ in range(300):
        act = chance.random()
        name = chance.choice(RHYTHMS)
        if act < 0.3:
            ward.rhythm(name, ends=chance.random() < 0.5)
        elif act < 0.8:
            values = {
                short: chance.choice([None, 20.0, 36.0, 44.0, 80.0, 125.0, 150.0])
                for short in chance.sample(sorted(METRIC_OF), chance.randint(0, 4))
            }
            ward.give(chance.randint(1, 12), chance.choice(["patch", "ox"]), **values)
        elif act < 0.95:
            for event in ward.board.active(WHO)[:1]:
                ward.acknowledge(event.condition)
        else:
            kept = ward.board.snapshot()
            ward.board = AlarmBoard()
            ward.board.restore(kept)
        check(ward)


def check(ward: Ward) -> None:
    """Check that events tell what is active, once a cause, and that nothing urgent is hidden."""
    person = ward.board._subjects.get(WHO)
    active = {e.condition: e.presence for e in ward.board.active(WHO)}
    assert {name: event.presence for name, event in ward.seen.items()} == active
    if person is None:
        return
    conditions = person.conditions
    for one, other in pairwise(sorted(active)):
        assert not set(families(conditions[one])) & set(families(conditions[other]))
    for name, leader in covered(conditions.values()).items():
        assert leader in active
        assert URGENCY[conditions[leader].priority] <= URGENCY[conditions[name].priority]
    if any(c.is_signalled and c.priority is Priority.HIGH for c in conditions.values()):
        assert ward.board.active(WHO)[0].priority is Priority.HIGH
