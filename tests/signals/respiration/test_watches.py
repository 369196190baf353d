"""The per-subject front doors: anomaly scores from measurements, breathing from PPG and ECG."""

import numpy as np
import pytest

from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.model import Measurement
from teleward_signal.respiration.watch import DerivedBreathing

S = 1_000_000_000
START_NS = 1_700_000_000 * S
FS = 125.0


def hold(watch: AnomalyWatch, start_s: int, seconds: int, **values: float) -> list[float]:
    """Give every value once a second; return the scores told of ``bed-1`` (NaN = learning)."""
    scores = []
    for k in range(start_s, start_s + seconds):
        for metric, value in values.items():
            watch.update("bed-1", Measurement(metric, value))
        for subject, score in watch.tick(START_NS + k * S):
            if subject == "bed-1":
                scores.append(float("nan") if score.value is None else score.value)
    return scores


def test_a_change_is_scored_with_its_reason_and_can_be_accepted() -> None:
    watch = AnomalyWatch()
    quiet = hold(watch, 0, 1800, heart_rate=70.0, spo2=97.0)
    assert len(quiet) == pytest.approx(180, abs=2)
    assert np.isnan(quiet[:50]).all()
    assert np.nanmax(quiet) == 0
    changed = hold(watch, 1800, 900, heart_rate=110.0, spo2=90.0)
    assert changed[-1] > 50
    (_, last), *_ = [r for k in range(2700, 2712) for r in watch.tick(START_NS + k * S)]
    assert "below this patient's usual 97" in last.detail["sentence"]
    watch.accept("bed-1")
    assert hold(watch, 2712, 120, heart_rate=110.0, spo2=90.0)[-1] < 10


def test_pulse_rate_stands_in_for_heart_rate_only_while_there_is_none() -> None:
    watch = AnomalyWatch()
    hold(watch, 0, 1200, heart_rate=70.0, pulse_rate=180.0)
    level, _ = watch.bank.usual(0, "heart_rate") or (0.0, 0.0)
    assert level == pytest.approx(70)
    alone = AnomalyWatch()
    hold(alone, 0, 1200, pulse_rate=66.0)
    level, _ = alone.bank.usual(0, "heart_rate") or (0.0, 0.0)
    assert level == pytest.approx(66)


def test_withheld_stored_and_unknown_values_are_no_evidence() -> None:
    watch = AnomalyWatch()
    watch.update("bed-1", Measurement("spo2", None))
    watch.update("bed-1", Measurement("spo2", float("nan")))
    watch.update("bed-1", Measurement("spo2", 60.0, stored=True))
    watch.update("bed-1", Measurement("glucose", 60.0))
    assert watch.snapshot() == {}


def test_many_subjects_come_go_and_survive_a_restart_and_a_set_clock() -> None:
    watch = AnomalyWatch()
    for k in range(700):
        for bed in range(9):
            watch.update(f"bed-{bed}", Measurement("heart_rate", 60.0 + bed))
        watch.tick(START_NS + k * S)
    after = AnomalyWatch()
    after.restore(watch.snapshot())
    assert len(after.snapshot()) == 9
    watch.forget("bed-3")
    assert "bed-3" not in watch.snapshot()
    watch.update("new", Measurement("heart_rate", 99.0))
    assert len(watch.snapshot()) == 9
    assert watch.tick(START_NS + 10**9 * S) == []
    assert watch.tick(START_NS) == []


def test_breathing_from_ppg_and_ecg_is_withheld_beside_impedance() -> None:
    t = np.arange(round(45 * FS)) / FS
    breath = 0.15 * np.sin(2 * np.pi * 14 / 60 * t)
    beat = (t * 1.2) % 1.0
    ppg = (np.exp(-(((beat - 0.3) / 0.1) ** 2)) + breath).astype(np.float32)
    ecg = ((1 + breath) * np.exp(-(((beat - 0.3) / 0.012) ** 2))).astype(np.float32)
    watch = DerivedBreathing()
    told: dict[str, list[Measurement]] = {"a": [], "b": [], "c": []}
    for k in range(45 * 5):
        now_ns = START_NS + k * S // 5
        piece = slice(k * 25, (k + 1) * 25)
        for subject in told:
            watch.push(subject, "pleth", FS, ppg[piece], now_ns, gap_samples=0)
            watch.push(subject, "ecg_ii", FS, ecg[piece], now_ns)
        watch.push("b", "respiration", FS, ppg[piece], now_ns)
        for subject, measurement in watch.tick(now_ns):
            told[subject].append(measurement)
    assert told["b"] == []
    assert len(told["a"]) == 45
    assert (told["a"][0].value, told["a"][0].reason) == (None, "settling")
    assert told["a"][-1].value == pytest.approx(14, abs=0.7)
    assert told["a"][-1].detail == {"method": "modulation", "carriers": 2}
    watch.forget("a")
    watch.push("c", "pleth", FS, ppg[:25], START_NS, gap_samples=10_000)
    later = dict(watch.tick(START_NS + 60 * S))
    assert set(later) == {"c"}, "a rate of a subject whose carriers do not advance"
    assert later["c"].detail["carriers"] == 0, "its ECG is silent, its PPG begins again"


def test_no_rate_is_reported_for_a_second_without_samples() -> None:
    t = np.arange(round(40 * FS)) / FS
    ppg = (np.sin(2 * np.pi * 1.2 * t) + 0.3 * np.sin(2 * np.pi * 15 / 60 * t)).astype(np.float32)
    watch = DerivedBreathing()

    def feed(begin_ns: int, elapsed_ns: int) -> list[Measurement]:
        out = []
        for k in range(40 * 5):
            now_ns = k * S // 5
            watch.push("a", "pleth", FS, ppg[k * 25 : (k + 1) * 25], begin_ns + now_ns)
            out += [m for _, m in watch.tick(elapsed_ns + now_ns)]
        return out

    before = feed(START_NS, 0)
    assert before[-1].value == pytest.approx(15, abs=1)
    own_ns = before[-1].time_ns or 0
    assert START_NS + 39 * S < own_ns <= START_NS + 40 * S, "the wave's own time"
    silent = [m for s in range(41, 640) for _, m in watch.tick(s * S)]
    assert [(m.value, m.reason) for m in silent] == [(None, "no_data")]
    again = feed(START_NS + 640 * S, 640 * S)
    assert {m.reason for m in again[:30]} == {"settling"}, "the old window is not joined to the new"
    assert again[-1].value == pytest.approx(15, abs=1)


def test_a_score_is_withheld_when_nothing_comes_in() -> None:
    watch = AnomalyWatch()
    told = []
    for k in range(900):
        if k < 700:
            watch.update("a", Measurement("heart_rate", 60.0 + k % 2))
        told += [(k, m) for _, m in watch.tick(START_NS + k * S)]
    last = max(k for k, m in told if m.value is not None)
    assert 690 <= last <= 745
    assert told[-1][1].reason == "no_data"
