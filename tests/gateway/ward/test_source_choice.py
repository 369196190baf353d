"""One source of a metric is shown at a time, and it does not flip."""

from teleward_gateway.ward.source_choice import HANDOVER_S, SourceChoice
from teleward_signal.model import Measurement, Source

S = 1_000_000_000
STRAP = Measurement("heart_rate", 72.0)
NONE = Measurement("heart_rate", None, reason="lead_off", source=Source.DERIVED)
ECG = Measurement("heart_rate", 71.0, source=Source.DERIVED)


def test_the_counted_rate_wins_and_stays() -> None:
    source_choice = SourceChoice()
    assert source_choice.accepts("a", "strap", STRAP, 0)
    assert source_choice.accepts("a", "patch", ECG, S)
    assert not source_choice.accepts("a", "strap", STRAP, 2 * S)
    assert source_choice.accepts("a", "patch", ECG, 3 * S)


def test_a_withheld_value_hands_over_after_a_while_and_back_at_once() -> None:
    source_choice = SourceChoice()
    assert source_choice.accepts("a", "patch", ECG, 0)
    assert source_choice.accepts("a", "patch", NONE, 5 * S)
    assert not source_choice.accepts("a", "strap", STRAP, 6 * S)
    late = int((HANDOVER_S + 1) * S)
    assert source_choice.accepts("a", "strap", STRAP, late)
    assert not source_choice.accepts("a", "patch", NONE, late + S)
    assert source_choice.accepts("a", "patch", ECG, late + 2 * S)


def test_subjects_and_metrics_are_apart() -> None:
    source_choice = SourceChoice()
    assert source_choice.accepts("a", "patch", ECG, 0)
    assert source_choice.accepts("b", "strap", STRAP, 0)
    assert source_choice.accepts("a", "strap", Measurement("spo2", 97.0), 0)
    source_choice.forget("a")
    assert source_choice.accepts("a", "strap", STRAP, S)


def test_one_of_two_pleths_is_shown() -> None:
    source_choice = SourceChoice()
    assert source_choice.accepts_wave("a", "patch", "pleth", 0)
    assert not source_choice.accepts_wave("a", "oximeter", "pleth", S)
    assert source_choice.accepts_wave("a", "patch", "pleth", 2 * S)
    late = int((2 + HANDOVER_S + 1) * S)
    assert source_choice.accepts_wave("a", "oximeter", "pleth", late)
    assert not source_choice.accepts_wave("a", "patch", "pleth", late + S)


def test_an_oximeter_beats_a_saturation_made_from_raw_light() -> None:
    source_choice = SourceChoice()
    light = Measurement("spo2", 96.0, source=Source.DERIVED)
    assert source_choice.accepts("a", "derived", light, 0)
    assert source_choice.accepts("a", "oximeter", Measurement("spo2", 93.0), S)
    assert not source_choice.accepts("a", "derived", light, 2 * S)


def test_a_step_of_the_utc_clock_neither_hastens_nor_delays_a_handover() -> None:
    for step_ns in (-3600 * S, 1800 * S):
        choice = SourceChoice()
        assert choice.accepts("a", "patch", ECG, 0, 0)
        assert not choice.accepts("a", "strap", STRAP, 5 * S + step_ns, 5 * S)
        assert choice.accepts("a", "strap", STRAP, 11 * S + step_ns, 11 * S)


def test_a_released_source_hands_over_at_once() -> None:
    choice = SourceChoice()
    assert choice.accepts("a", "old", STRAP, 0)
    assert choice.accepts_wave("a", "old", "ecg_ii", 0)
    assert choice.accepts_wave("a", "ecg_ii", "ecg", 0)
    choice.release("a", "old")
    assert choice.accepts("a", "new", STRAP, S)
    assert choice.accepts_wave("a", "new", "ecg_i", S)
    assert choice.accepts_wave("a", "ecg_i", "ecg", S)


def test_a_back_dated_value_hides_nothing() -> None:
    choice = SourceChoice()
    now_ns = 1000 * S
    assert choice.accepts("a", "ox", Measurement("spo2", 70.0, time_ns=now_ns), now_ns)
    old = Measurement("spo2", 99.0, source=Source.MANUAL, time_ns=now_ns - 600 * S)
    assert not choice.accepts("a", "manual", old, now_ns + S)
    assert choice.accepts("a", "ox", Measurement("spo2", 70.0, time_ns=now_ns + S), now_ns + S)
