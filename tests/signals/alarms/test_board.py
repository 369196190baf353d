"""The alarm board, one rule at a time."""

import json

import pytest

from teleward_signal.alarms.condition_board import AUDIO_PAUSE_MAX_S
from teleward_signal.alarms.condition_board import ConditionBoard as AlarmBoard
from teleward_signal.alarms.limits import SPO2_88_92, AlarmLimits, MetricLimits
from teleward_signal.alarms.table import LATCHING, TRANSITIONS, Event, State
from teleward_signal.model import AlarmEvent, Annotation, Measurement, Presence, Priority

S = 1_000_000_000
START_NS = 1_700_000_000 * S
BED = "bed-1"


class Ward:
    """A board and a clock that the test turns."""

    def __init__(self) -> None:
        self.board = AlarmBoard()
        self.now_ns = START_NS
        self.events: list[AlarmEvent] = []

    def after(self, seconds: float, tick: bool = True) -> list[AlarmEvent]:
        self.now_ns += round(seconds * S)
        return self.board.tick(self.now_ns) if tick else []

    def measure(self, metric: str, value: float | None, **more: object) -> list[AlarmEvent]:
        measurement = Measurement(metric, value, time_ns=self.now_ns, **more)  # type: ignore[arg-type]
        return self.board.update(BED, measurement, self.now_ns)

    def hold(self, metric: str, value: float | None, seconds: int) -> list[AlarmEvent]:
        """Measure once a second, ``seconds`` + 1 times."""
        events = self.measure(metric, value)
        for _ in range(seconds):
            events += self.after(1.0)
            events += self.measure(metric, value)
        return events

    def active(self) -> dict[str, Presence]:
        return {event.condition: event.presence for event in self.board.active(BED)}


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_high_priority_sounds_after_5_s_and_medium_after_10_s(ward: Ward) -> None:
    assert ward.hold("spo2", 84.0, 4) == []
    (high,) = ward.hold("spo2", 84.0, 1)
    assert (high.condition, high.priority) == ("spo2_very_low", Priority.HIGH)
    assert (high.value, high.limit, high.presence) == (84.0, 85, Presence.ON)
    assert high.text == "SpO₂ very low: 84 < 85%"
    (medium,) = ward.hold("spo2", 84.0, 5)
    assert (medium.condition, medium.priority) == ("spo2_low", Priority.MEDIUM)
    assert [e.condition for e in ward.board.active()] == ["spo2_very_low", "spo2_low"]


def test_a_breach_shorter_than_the_delay_does_not_sound(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 4)
    ward.hold("spo2", 97.0, 0)
    assert ward.after(20, tick=False) == []
    assert ward.hold("spo2", 84.0, 4) == []


def test_the_limit_itself_is_inside_and_hysteresis_keeps_an_alarm(ward: Ward) -> None:
    assert ward.hold("heart_rate", 130.0, 9) == []
    ward.hold("heart_rate", 131.0, 10)
    assert set(ward.active()) == {"heart_rate_very_high", "heart_rate_high"}
    ward.measure("heart_rate", 129.0)
    assert ward.active()["heart_rate_very_high"] is Presence.ON
    ward.measure("heart_rate", 128.0)
    assert ward.active()["heart_rate_very_high"] is Presence.LATCHED


def test_what_is_compared_is_what_is_displayed(ward: Ward) -> None:
    assert ward.hold("spo2", 84.6, 20) != []
    assert "spo2_very_low" not in ward.active()  # the page shows 85


def test_withheld_values_neither_raise_nor_clear(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 3)
    assert ward.hold("spo2", None, 10) == []
    assert ward.active() == {}
    ward.measure("spo2", 84.0)  # still low when it is seen again: the delay has passed
    assert "spo2_very_low" in ward.active()
    ward.hold("spo2", None, 5)
    assert ward.active()["spo2_very_low"] is Presence.ON


def test_not_a_number_counts_as_withheld(ward: Ward) -> None:
    ward.hold("heart_rate", float("nan"), 20)
    assert ward.active() == {}


def test_readings_from_a_device_memory_and_old_ones_do_not_alarm(ward: Ward) -> None:
    assert ward.measure("nibp_systolic", 60.0, stored=True) == []
    old = Measurement("nibp_systolic", 60.0, time_ns=ward.now_ns - 3600 * S)
    assert ward.board.update(BED, old, ward.now_ns) == []
    assert ward.active() == {}


def test_a_single_cuff_reading_alarms_at_once(ward: Ward) -> None:
    (event,) = ward.measure("nibp_systolic", 79.0, valid_s=3600.0)
    assert event.condition == "nibp_systolic_very_low"


def test_high_latches_until_acknowledged_and_medium_ends_by_itself(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 10)
    ended = ward.measure("spo2", 97.0)
    presences = {e.condition: e.presence for e in ended}
    assert presences == {"spo2_very_low": Presence.LATCHED, "spo2_low": Presence.OFF}
    (gone,) = ward.board.acknowledge(BED, "spo2_very_low", "nurse 7", ward.now_ns)
    assert (gone.presence, gone.author) == (Presence.OFF, "nurse 7")
    assert ward.active() == {}


def test_acknowledged_alarm_is_silent_and_ends_when_it_clears(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 5)
    ward.board.acknowledge(BED, "spo2_very_low", "nurse 7", ward.now_ns)
    assert ward.active() == {"spo2_very_low": Presence.ACKNOWLEDGED}
    assert ward.board.audible(BED) is None
    (event,) = ward.measure("spo2", 97.0)
    assert event.presence is Presence.OFF


def test_acknowledged_high_alarm_calls_again_when_its_sensor_goes_blind(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 5)
    ward.board.acknowledge(BED, "spo2_very_low", "nurse 7", ward.now_ns)
    ward.after(31)
    assert ward.active() == {
        "spo2_very_low": Presence.LATCHED,
        "no_data:spo2": Presence.ON,
    }


def test_no_data_after_30_s_names_the_reason_and_ends_with_data(ward: Ward) -> None:
    ward.hold("spo2", 97.0, 2)
    ward.hold("heart_rate", 70.0, 0)
    assert ward.after(29.5) == []
    ward.measure("spo2", None, reason="low_perfusion")
    texts = {e.condition: e.text for e in ward.after(1)}
    assert texts == {
        "no_data:spo2": "SpO₂ withheld: low perfusion",
        "no_data:heart_rate": "HR no data",
    }
    (event,) = ward.measure("heart_rate", 70.0)
    assert (event.condition, event.presence) == ("no_data:heart_rate", Presence.OFF)


def test_a_thermometer_may_be_silent(ward: Ward) -> None:
    ward.measure("body_temperature", 37.0, valid_s=3600.0)
    assert ward.after(3000) == []


def test_release_expects_no_more_data_and_keeps_unseen_alarms(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 5)
    ward.board.release(BED, ward.now_ns, ["spo2"])
    assert ward.active() == {"spo2_very_low": Presence.LATCHED}
    assert ward.after(100) == []


def test_technical_alarms_are_apart(ward: Ward) -> None:
    (event,) = ward.board.technical(BED, "link_lost:ox1", True, ward.now_ns, "Oximeter away")
    assert (event.kind, event.text) == ("technical", "Oximeter away")
    assert ward.board.technical(BED, "link_lost:ox1", True, ward.now_ns) == []
    (event,) = ward.board.technical(BED, "link_lost:ox1", False, ward.now_ns)
    assert event.presence is Presence.OFF


def test_rhythms_alarm_at_once_and_a_short_one_stays_latched(ward: Ward) -> None:
    mark = Annotation("ecg_ii", "+", ward.now_ns, label="ventricular_fibrillation")
    (on,) = ward.board.rhythm(BED, mark, ward.now_ns)
    assert (on.priority, on.presence) == (Priority.HIGH, Presence.ON)
    pause = Annotation("ecg_ii", "+", ward.now_ns, until_ns=ward.now_ns + 4 * S, label="pause")
    assert [e.presence for e in ward.board.rhythm(BED, pause, ward.now_ns)] == [
        Presence.ON,
        Presence.LATCHED,
    ]
    ward.board.technical(BED, "lead_off", True, ward.now_ns)
    assert ward.active()["ventricular_fibrillation"] is Presence.LATCHED


def test_an_apnoea_begins_and_ends_by_its_words(ward: Ward) -> None:
    begins = Annotation("respiration", "+", ward.now_ns, label="apnoea begins")
    ends = Annotation("respiration", "+", ward.now_ns, label="apnoea ends")
    ward.board.rhythm(BED, begins, ward.now_ns)
    assert ward.active() == {"apnoea": Presence.ON}
    ward.board.rhythm(BED, ends, ward.now_ns)
    assert ward.active() == {"apnoea": Presence.LATCHED}


def test_a_rhythm_that_does_not_alarm_is_ignored(ward: Ward) -> None:
    mark = Annotation("ecg_ii", "+", ward.now_ns, label="sinus")
    assert ward.board.rhythm(BED, mark, ward.now_ns) == []


def test_ecg_and_pulse_that_differ_alarm_after_10_s(ward: Ward) -> None:
    events = []
    for _ in range(11):
        events += ward.measure("heart_rate", 100.0)
        events += ward.measure("pulse_rate", 70.0)
        events += ward.after(1.0)
    (event,) = events
    assert (event.condition, event.priority) == ("pulse_difference", Priority.MEDIUM)
    assert event.text == "HR 100 and pulse 70 differ"
    (event,) = ward.measure("pulse_rate", 80.0)
    assert event.presence is Presence.OFF


def test_inhibited_alarm_is_silent_but_in_view_until_enabled(ward: Ward) -> None:
    ward.board.inhibit(BED, "spo2_very_low", "nurse 7", ward.now_ns)
    ward.hold("spo2", 80.0, 9)
    assert ward.active() == {}
    assert ward.board.inhibited() == [(BED, "spo2_very_low")]
    ward.board.enable(BED, "spo2_very_low", "nurse 7", ward.now_ns)
    ward.hold("spo2", 80.0, 5)
    assert "spo2_very_low" in ward.active()
    with pytest.raises(ValueError, match="no alarm condition 'sp02_low'"):
        ward.board.inhibit(BED, "sp02_low", "nurse 7", ward.now_ns)


def test_audio_pause_ends_by_itself_and_by_a_new_high_alarm(ward: Ward) -> None:
    ward.board.technical(BED, "lead_off", True, ward.now_ns)
    ward.board.pause_audio(BED, ward.now_ns + 3600 * S)
    assert ward.board.audio_pause_left_s(BED) == AUDIO_PAUSE_MAX_S
    assert ward.board.audible() is None
    ward.after(AUDIO_PAUSE_MAX_S)
    assert ward.board.audible() is Priority.MEDIUM
    ward.board.pause_audio(None, ward.now_ns + 60 * S)
    ward.hold("spo2", 80.0, 5)
    assert ward.board.audible() is Priority.HIGH


def test_new_limits_judge_the_newest_value(ward: Ward) -> None:
    ward.measure("spo2", 89.0)
    retainer = ward.board.limits(BED).with_metric("spo2", SPO2_88_92)
    assert ward.board.set_limits(BED, retainer) == []
    ward.hold("spo2", 89.0, 20)
    assert ward.active() == {}
    ward.hold("spo2", 93.0, 10)
    assert set(ward.active()) == {"spo2_high"}
    (event,) = ward.board.set_limits(BED, retainer.with_metric("spo2", MetricLimits()))
    assert event.presence is Presence.OFF


def test_limits_of_one_subject_are_not_those_of_another(ward: Ward) -> None:
    ward.board.set_limits("bed-2", AlarmLimits.from_dict({"metrics": {"spo2": {"low": 88}}}))
    assert ward.board.limits(BED).metrics["spo2"].low == 90


@pytest.mark.parametrize("step_s", [-3600.0, -1e8, 1e8])
def test_setting_the_clock_neither_delays_nor_hastens(ward: Ward, step_s: float) -> None:
    ward.hold("spo2", 84.0, 3)
    ward.now_ns += round(step_s * S)
    assert ward.hold("spo2", 84.0, 1) == []
    assert "spo2_very_low" in {e.condition for e in ward.hold("spo2", 84.0, 1)}


def test_restart_keeps_alarms_delays_limits_and_pauses(ward: Ward) -> None:
    ward.hold("spo2", 84.0, 7)
    ward.board.pause_audio(BED, ward.now_ns + 60 * S)
    ward.board.inhibit(BED, "heart_rate_low", "nurse 7", ward.now_ns)
    kept = json.loads(json.dumps(ward.board.snapshot()))
    before = ward.board.active()
    ward.board = AlarmBoard()
    ward.board.restore(kept)
    assert ward.board.active() == before
    assert ward.board.inhibited() == [(BED, "heart_rate_low")]
    assert ward.board.audio_pause_left_s(BED) == 60
    assert "spo2_low" in {e.condition for e in ward.hold("spo2", 84.0, 3)}


@pytest.mark.parametrize("table", [TRANSITIONS, LATCHING])
def test_every_signalled_state_can_be_ended(table: dict[tuple[State, Event], State]) -> None:
    reached = {State.QUIET}
    for _ in State:
        reached |= {after for (before, _), after in table.items() if before in reached}
    latching = {State.LATCHED, State.UNCERTAIN}
    assert reached == set(State) - (latching if table is TRANSITIONS else set())
    for state in reached - {State.QUIET}:
        assert {after for (before, _), after in table.items() if before is state}


@pytest.mark.parametrize(
    "values, message",
    [
        ({"metrics": {"spo3": {"low": 90}}}, "no such metric"),
        ({"metrics": {"spo2": {"lowest": 90}}}, "unknown key 'lowest'"),
        ({"metrics": {"spo2": {"low": "ninety"}}}, "low must be a number"),
        ({"metrics": {"spo2": {"low": 80}}}, "very_low <= low"),
        ({"metrics": {"spo2": {"hysteresis": None}}}, "hysteresis must be a number"),
        ({"no_data": 3}, "unknown key 'no_data'"),
        ({"no_data_s": 0}, "no_data_s: must be above 0"),
    ],
)
def test_bad_limits_name_the_key(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlarmLimits.from_dict(values)


def test_limits_survive_json() -> None:
    limits = AlarmLimits().with_metric("spo2", SPO2_88_92)
    assert AlarmLimits.from_dict(json.loads(json.dumps(limits.to_dict()))) == limits


def test_a_pulse_that_is_the_heart_rate_again_is_no_second_alarm() -> None:
    board, t = AlarmBoard(), 0

    def second(heart: float | None, pulse: float) -> set[str]:
        nonlocal t
        t += 1_000_000_000
        for metric, value in (("heart_rate", heart), ("pulse_rate", pulse)):
            if value is not None:
                board.update("anna", Measurement(metric, value, time_ns=t), t, t, metric)
        board.tick(t, t)
        return {e.condition for e in board.active("anna")}

    for _ in range(12):
        shown = second(125.0, 126.0)
    assert shown == {"heart_rate_high"}
    for _ in range(40):
        shown = second(None, 126.0)
    assert shown == {"no_data:heart_rate", "pulse_rate_high"}, "without an ECG the pulse alarms"
    for _ in range(12):
        shown = second(125.0, 126.0)
    assert shown == {"heart_rate_high"}
    for _ in range(12):
        shown = second(80.0, 126.0)
    assert shown == {"pulse_difference", "pulse_rate_high"}, "another rate is another cause"
