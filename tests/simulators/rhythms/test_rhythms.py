"""Rhythms keep their statistics, and the table decides what becomes of them."""

import numpy as np
import pytest

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.rhythms.scheduler import Electric
from teleward_simulators.rhythms.table import RHYTHMS, Atria
from teleward_simulators.rhythms.transitions import (
    TRANSITIONS,
    Scene,
    choose,
    choose_fairly,
    outcomes,
)
from teleward_simulators.waveforms.leads import LEADS
from teleward_simulators.waveforms.shapes import SHAPES, Heart, qrs_bumps


def intervals(rhythm: str, seconds: int = 120) -> np.ndarray:
    """Return the RR intervals of two minutes, in s."""
    return np.diff(PhysiologyPatient(seed=2, rhythm=rhythm).beats(5.0, 5.0 + seconds))


def test_there_are_at_least_twenty_four() -> None:
    assert len(RHYTHMS) >= 24


@pytest.mark.parametrize(
    "rhythm, mean, cv",
    [
        ("sinus", (0.80, 0.86), (0.03, 0.07)),
        ("av1", (0.80, 0.86), (0.03, 0.07)),
        ("wenckebach", (0.95, 1.15), (0.20, 0.30)),
        ("mobitz2", (1.0, 1.3), (0.28, 0.38)),
        ("complete_block", (1.70, 1.82), (0.005, 0.02)),
        ("af", (0.43, 0.50), (0.18, 0.28)),
        ("flutter", (0.399, 0.401), (0.0, 0.001)),
        ("svt", (0.31, 0.32), (0.0, 0.004)),
        ("vt", (0.345, 0.36), (0.006, 0.02)),
        ("pvc", (0.75, 0.9), (0.12, 0.25)),
        ("bigeminy", (0.75, 0.9), (0.33, 0.43)),
        ("torsades", (0.25, 0.30), (0.03, 0.09)),
        ("agonal", (2.5, 3.6), (0.1, 0.3)),
    ],
)
def test_intervals(rhythm: str, mean: tuple[float, float], cv: tuple[float, float]) -> None:
    rr = intervals(rhythm)
    assert mean[0] <= rr.mean() <= mean[1]
    assert cv[0] <= rr.std() / rr.mean() <= cv[1]


def test_a_wenckebach_pause_is_shorter_than_two_short_intervals() -> None:
    rr = intervals("wenckebach")
    assert rr.max() < 2 * rr.min()


def test_early_beats_make_no_pulse() -> None:
    patient = PhysiologyPatient(seed=2, rhythm="bigeminy")
    heart, pulse = (patient.numeric(m, 60.0) or 0 for m in ("heart_rate", "pulse_rate"))
    assert 0.45 < pulse / heart < 0.55
    fibrillating = PhysiologyPatient(seed=2, rhythm="af")
    hearts = np.mean([fibrillating.numeric("heart_rate", t) or 0 for t in range(20, 120, 10)])
    pulses = np.mean([fibrillating.numeric("pulse_rate", t) or 0 for t in range(20, 120, 10)])
    assert pulses < 0.93 * hearts


@pytest.mark.parametrize("rhythm", [name for name, r in RHYTHMS.items() if not r.pulse])
def test_no_pulse_shows_no_saturation(rhythm: str) -> None:
    patient = PhysiologyPatient(seed=2, rhythm=rhythm)
    assert patient.numeric("spo2", 30.0) is None
    assert patient.numeric("pulse_rate", 30.0) is None


def test_dissociated_atria_keep_their_own_time() -> None:
    assert RHYTHMS["complete_block"].atria is Atria.DISSOCIATED
    patient = PhysiologyPatient(seed=1, rhythm="complete_block")
    # 80 P waves a minute between 34 beats: more bumps in lead II than QRS complexes
    assert len(patient.beats(10, 70)) in (33, 34, 35)


SCENES = (Scene(), Scene(down_min=4.0, cpr_quality=1.0, adrenaline=True), Scene(dose=12.0, rate=28))


@pytest.mark.parametrize("scene", SCENES)
def test_frequencies_follow_the_table(scene: Scene) -> None:
    draws = (np.arange(1000) + 0.5) / 1000
    for pair in TRANSITIONS:
        possible = outcomes(*pair, scene)
        assert sum(p for p, _ in possible) <= 1.0 + 1e-9
        for probability, rhythm in possible:
            share = sum(choose(possible, float(u)) == rhythm for u in draws) / 1000
            wanted = sum(p for p, name in possible if name == rhythm)
            assert abs(share - wanted) <= 0.03, (pair, probability)


def test_a_thousand_shocks_of_a_thousand_patients() -> None:
    body = Body(seed=0)
    start = body.snapshot()
    hits = 0
    for seed in range(1000):
        body.restore(start)
        body.seed = seed
        body.set_rhythm("svt")
        body.act("adenosine", "6 mg")
        hits += body.rhythm == "sinus"
    assert abs(hits / 1000 - 0.60) <= 0.03


def test_exam_mode_is_the_same_for_everybody() -> None:
    for seed in range(20):
        body = Body(seed=seed)
        body.vital.exam = True
        body.set_rhythm("svt")
        body.act("valsalva")
        assert body.rhythm == "svt"
        body.act("valsalva")
        assert body.rhythm == "sinus"
    assert choose_fairly(((0.9, "sinus"),), 0.0) == ("sinus", 0.0)
    assert choose_fairly(((0.12, "sinus"),), 0.0) == (None, 0.12)


def test_vf_fades_to_asystole_and_compressions_delay_it() -> None:
    body = Body(seed=1)
    body.set_rhythm("vf")
    body.advance(5990)
    assert body.rhythm == "vf"
    body.advance(20)
    assert body.rhythm == "asystole"
    other = Body(seed=1)
    other.set_rhythm("vf")
    other.act("cpr")
    other.advance(6100)
    assert other.rhythm == "vf"


@pytest.mark.parametrize(
    ("rhythm", "rate"),
    [("svt", 190), ("complete_block", 34), ("vf", 0), ("asystole", 0), ("p_wave_asystole", 0)],
)
def test_a_body_whose_time_stands_still_has_the_rate_of_its_new_rhythm(
    rhythm: str, rate: float
) -> None:
    body = Body(seed=1)
    resting = body.variable("HR")
    body.set_rhythm(rhythm)
    assert body.variable("HR") == rate
    body.advance(1)
    assert body.variable("HR") == rate
    body.set_rhythm("sinus")
    assert body.variable("HR") == pytest.approx(resting, abs=30), "28 of it: just resuscitated"
    body.set_rhythm("complete_block")
    body.act("atropine")
    assert body.variable("HR") == 38


def test_shocking_asystole_does_nothing() -> None:
    body = Body(seed=1)
    body.set_rhythm("asystole")
    body.act("shock", "200 J")
    assert body.rhythm == "asystole"


@pytest.mark.parametrize(
    "field, bad", [("k_eff", 7.6), ("temperature", 27.0), ("pao2", 30.0), ("blood_ml", 2800.0)]
)
def test_a_heart_starts_again_only_when_its_cause_is_mended(field: str, bad: float) -> None:
    body = Body(seed=1)
    body.vital.exam = True
    body.set_rhythm("pea")
    good = body.engine.get(field)
    for _ in range(6):
        body.engine.put(field, bad)
        body.act("adrenaline_iv", "1 mg")
    assert body.rhythm == "pea"
    body.engine.put(field, good)
    for _ in range(12):
        body.act("adrenaline_iv", "1 mg")
    assert body.rhythm == "sinus"


def test_adenosine_draws_a_pause() -> None:
    patient = PhysiologyPatient(seed=4, rhythm="svt")
    patient.body.overrides["svt/adenosine/sinus"] = 1.0
    patient.order(Order(300, "act", {"name": "adenosine", "dose": "6 mg"}))
    longest = np.diff(patient.beats(25.0, 45.0)).max()
    assert 3.5 < longest < 6.5


WIDTHS_MS = {"normal": (60, 125), "lbbb": (125, 210), "rbbb": (115, 210), "vt": (150, 270)}


@pytest.mark.parametrize("shape", WIDTHS_MS)
def test_qrs_width_is_that_of_its_kind_at_every_rate(shape: str) -> None:
    """Width: where any lead is above an eighth of its height."""
    count = len(SHAPES[shape])
    for rr_s in (0.35, 0.6, 1.0, 1.8):
        event = Electric(10.0, "QRS", shape, rr_s)
        qrs = qrs_bumps(event, Heart(), {})[:count]
        times = np.arange(9.7, 10.4, 0.002)
        parts = np.exp(-0.5 * ((times - qrs[:, :1]) / qrs[:, 1:2]) ** 2)
        waves = np.abs(qrs[:, 3:].T @ parts)
        high = times[(waves > waves.max(axis=1, keepdims=True) / 8).any(axis=0)]
        low_ms, high_ms = WIDTHS_MS[shape]
        assert low_ms <= 1000 * (high[-1] - high[0]) <= high_ms


def test_qt_follows_the_root_of_the_interval() -> None:
    corrected = []
    for rate in range(50, 151, 10):
        rr_s = 60.0 / rate
        t = qrs_bumps(Electric(0.0, "QRS", "normal", rr_s), Heart(), {})[len(SHAPES["normal"])]
        corrected.append(t[0] / rr_s**0.5)
    assert max(corrected) - min(corrected) <= 0.010


def test_potassium_climbs_its_ladder() -> None:
    first = len(SHAPES["normal"])

    def beat(potassium: float) -> np.ndarray:
        """Return QRS and T."""
        return qrs_bumps(Electric(0.0, "QRS", "normal", 0.8), Heart(potassium), {})

    normal, peaked, wide, sine, low = (beat(k) for k in (4.2, 6.4, 7.6, 8.6, 2.6))
    assert peaked[first, 4] > 2 * normal[first, 4]
    assert peaked[first, 1] < normal[first, 1]
    assert wide[:first, 1].max() > 1.5 * normal[:first, 1].max()
    assert len(sine) == 2, "one wave, no isoelectric line"
    assert len(low) == len(normal) + 2, "a U wave and a sunken ST"
    cold = qrs_bumps(Electric(0.0, "QRS", "normal", 0.8), Heart(temperature=29.0), {})
    assert len(cold) == len(normal) + 1
    assert cold[first, 0] > 1.1 * normal[first, 0], "QT is longer in the cold"


def test_leads_keep_einthoven_and_show_the_territory() -> None:
    patient = PhysiologyPatient(seed=3, rhythm="stemi_inferior")
    beat = patient.beats(10.0, 20.0)[1]
    first = int((beat + 0.09) * 500)
    level = {
        lead: float(patient.waveform(lead, 500.0, first, 10).mean())
        for lead in ("ecg_i", "ecg_ii", "ecg_iii", "ecg_avl", "ecg_avf", "ecg_v2")
    }
    assert min(level["ecg_ii"], level["ecg_iii"], level["ecg_avf"]) > 0.12
    assert level["ecg_iii"] > level["ecg_ii"]
    assert level["ecg_avl"] < -0.05
    matrix = np.array([LEADS["ecg_i"], LEADS["ecg_ii"], LEADS["ecg_iii"]])
    assert np.allclose(matrix[1] - matrix[0], matrix[2])
