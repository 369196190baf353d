"""No sequence of inputs loses an active high-priority alarm."""

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from teleward_signal.alarms.condition_board import AUDIO_PAUSE_MAX_S
from teleward_signal.alarms.condition_board import ConditionBoard as AlarmBoard
from teleward_signal.alarms.limits import DEFAULT_METRICS, AlarmLimits, MetricLimits
from teleward_signal.model import AlarmEvent, Annotation, Measurement, Presence, Priority

S = 1_000_000_000
BEDS = st.sampled_from(["bed-1", "bed-2"])
METRICS = st.sampled_from(["spo2", "heart_rate", "pulse_rate", "nibp_systolic"])
VALUES = st.one_of(st.none(), st.sampled_from([20.0, 60.0, 84.0, 88.0, 97.0, 126.0, 135.0, 190.0]))
RHYTHMS = st.sampled_from(["asystole", "ventricular_tachycardia", "pause", "bigeminy", "sinus"])
TECHNICAL = st.sampled_from(["lead_off", "probe_off", "link_lost:a", "low_battery"])
STEPS_S = st.sampled_from([0.0, 0.5, 1.0, 4.0, 6.0, 31.0, 200.0, -1.0, -86400.0, 1e8])
CONDITIONS = st.sampled_from(
    [
        "spo2_very_low",
        "spo2_low",
        "heart_rate_very_high",
        "nibp_systolic_very_low",
        "asystole",
        "ventricular_tachycardia",
        "pause",
        "lead_off",
    ]
)
Key = tuple[str, str]


class BoardMachine(RuleBasedStateMachine):
    """Drives a board at random and keeps, from its events alone, what must still be signalled."""

    def __init__(self) -> None:
        super().__init__()
        self.board = AlarmBoard()
        self.now_ns = 1_700_000_000 * S
        self.signalled: dict[Key, AlarmEvent] = {}

    def take(self, events: list[AlarmEvent], ended_by_person: Key | None = None) -> None:
        """Apply events; a high alarm may end only acknowledged, or by the person's act at hand."""
        for event in events:
            key = (event.subject, event.condition)
            before = self.signalled.get(key)
            if event.presence is not Presence.OFF:
                self.signalled[key] = event
                continue
            assert before is not None, "an alarm that never began has ended"
            if event.priority is Priority.HIGH:
                seen = before.presence is Presence.ACKNOWLEDGED
                assert seen or key == ended_by_person, f"{key} lost from {before.presence}"
            del self.signalled[key]

    @rule(bed=BEDS, metric=METRICS, value=VALUES, stored=st.booleans())
    def measure(self, bed: str, metric: str, value: float | None, stored: bool) -> None:
        measurement = Measurement(metric, value, time_ns=self.now_ns, stored=stored)
        self.take(self.board.update(bed, measurement, self.now_ns))

    @rule(bed=BEDS, seconds=st.integers(5, 12))
    def hold_spo2_low(self, bed: str, seconds: int) -> None:
        for _ in range(seconds + 1):
            self.measure(bed, "spo2", 84.0, stored=False)
            self.pass_time(1.0)
        off = self.board.limits(bed).metrics.get("spo2", MetricLimits()).very_low is None
        if not off and (bed, "spo2_very_low") not in self.board.inhibited():
            assert (bed, "spo2_very_low") in self.signalled

    @rule(seconds=STEPS_S)
    def pass_time(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        self.take(self.board.tick(self.now_ns))

    @rule(bed=BEDS, label=RHYTHMS, ended=st.booleans())
    def mark(self, bed: str, label: str, ended: bool) -> None:
        until_ns = self.now_ns if ended else None
        mark = Annotation("ecg_ii", "+", self.now_ns, until_ns, label)
        self.take(self.board.rhythm(bed, mark, self.now_ns))

    @rule(bed=BEDS, condition=TECHNICAL, active=st.booleans())
    def technical(self, bed: str, condition: str, active: bool) -> None:
        self.take(self.board.technical(bed, condition, active, self.now_ns))

    @rule(bed=BEDS, condition=CONDITIONS)
    def acknowledge(self, bed: str, condition: str) -> None:
        before = self.signalled.get((bed, condition))
        latched = before is not None and before.presence is Presence.LATCHED
        events = self.board.acknowledge(bed, condition, "a nurse", self.now_ns)
        self.take(events, (bed, condition) if latched else None)

    @rule(bed=BEDS, condition=CONDITIONS)
    def inhibit(self, bed: str, condition: str) -> None:
        try:
            events = self.board.inhibit(bed, condition, "a nurse", self.now_ns)
        except ValueError:
            return
        self.take(events, (bed, condition))
        assert (bed, condition) in self.board.inhibited()

    @rule(bed=BEDS, condition=CONDITIONS)
    def enable(self, bed: str, condition: str) -> None:
        self.take(self.board.enable(bed, condition, "a nurse", self.now_ns))

    @rule(bed=st.one_of(st.none(), BEDS), seconds=st.sampled_from([-5, 30, 10_000]))
    def pause_audio(self, bed: str | None, seconds: int) -> None:
        self.board.pause_audio(bed, self.now_ns + seconds * S)

    @rule()
    def sound_returns_after_the_longest_pause(self) -> None:
        self.pass_time(AUDIO_PAUSE_MAX_S)
        unseen = (Presence.ON, Presence.LATCHED)
        if any(e.priority is Priority.HIGH and e.presence in unseen for e in self.board.active()):
            assert self.board.audible() is Priority.HIGH

    @rule(bed=BEDS, off=st.booleans())
    def set_limits(self, bed: str, off: bool) -> None:
        limits = AlarmLimits().with_metric(
            "spo2", MetricLimits() if off else DEFAULT_METRICS["spo2"]
        )
        self.take(self.board.set_limits(bed, limits))

    @rule(bed=BEDS, metrics=st.one_of(st.none(), st.lists(METRICS, max_size=2)))
    def release(self, bed: str, metrics: list[str] | None) -> None:
        self.take(self.board.release(bed, self.now_ns, metrics))

    @rule()
    def restart(self) -> None:
        kept: dict[str, Any] = json.loads(json.dumps(self.board.snapshot()))
        self.board = AlarmBoard()
        self.board.restore(kept)

    @invariant()
    def board_shows_what_the_events_said(self) -> None:
        shown = {(e.subject, e.condition): e.presence for e in self.board.active()}
        assert shown == {key: event.presence for key, event in self.signalled.items()}

    @invariant()
    def high_comes_first(self) -> None:
        urgency = [list(Priority).index(event.priority) for event in self.board.active()]
        assert urgency == sorted(urgency)

    @invariant()
    def the_board_stays_small(self) -> None:
        kept = self.board.snapshot()["subjects"].values()
        assert all(len(person["conditions"]) < 30 for person in kept)


BoardMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, print_blob=True
)
TestBoard = BoardMachine.TestCase
