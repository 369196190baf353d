"""The same seed and orders give the same samples, however they are asked for."""

import hashlib

import numpy as np

from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sources import make_source

FS = 250.0
METRICS = ("ecg_ii", "ecg_v1", "pleth", "arterial_pressure", "respiration", "capnogram")


def story(seed: int = 7) -> PhysiologyPatient:
    """Return a patient who bleeds, gets fluid, fibrillates and is shocked."""
    patient = PhysiologyPatient(seed=seed)
    for tick, kind, data in (
        (200, "knob", {"name": "bleed", "to": 4.0, "over": 30.0}),
        (1500, "act", {"name": "crystalloid", "dose": "500 mL"}),
        (3000, "rhythm", {"name": "vf"}),
        (3300, "act", {"name": "cpr"}),
        (3600, "act", {"name": "shock", "dose": "150 J"}),
    ):
        patient.order(Order(tick, kind, data))
    return patient


def digest(patient: PhysiologyPatient, start_s: int, end_s: int, block: int) -> str:
    """Return the hash of all waves over a stretch, read in blocks of so many samples."""
    sha = hashlib.sha256()
    for metric in METRICS:
        first, stop = int(start_s * FS), int(end_s * FS)
        parts = []
        while first < stop:
            count = min(block, stop - first)
            parts.append(patient.waveform(metric, FS, first, count))
            first += count
        sha.update(np.concatenate(parts).tobytes())
    return sha.hexdigest()


def test_the_first_million_samples_are_the_same_twice() -> None:
    # 6 waves x 667 s x 250 Hz is a little over a million
    assert digest(story(), 0, 667, 2500) == digest(story(), 0, 667, 2500)


def test_another_seed_is_another_patient() -> None:
    assert digest(story(7), 0, 20, 500) != digest(story(8), 0, 20, 500)


def test_block_size_does_not_matter() -> None:
    assert digest(story(), 290, 330, 10) == digest(story(), 290, 330, 1013)


def test_seeking_back_gives_the_same_samples() -> None:
    straight = digest(story(), 320, 340, 250)
    patient = story()
    patient.live(900.0)
    assert digest(patient, 320, 340, 250) == straight
    assert patient.numeric("nibp_systolic", 250.0) == story().numeric("nibp_systolic", 250.0)


def test_an_order_from_the_past_is_worked_in() -> None:
    early = PhysiologyPatient(seed=3)
    early.order(Order(600, "rhythm", {"name": "svt"}))
    late = PhysiologyPatient(seed=3)
    late.live(200.0)
    late.order(Order(600, "rhythm", {"name": "svt"}))
    assert digest(early, 100, 130, 250) == digest(late, 100, 130, 250)


def test_rewinding_forgets_what_came_after() -> None:
    patient = story()
    patient.live(500.0)
    patient.rewind(2500)
    plain = PhysiologyPatient(seed=7)
    plain.order(Order(200, "knob", {"name": "bleed", "to": 4.0, "over": 30.0}))
    plain.order(Order(1500, "act", {"name": "crystalloid", "dose": "500 mL"}))
    assert digest(patient, 300, 320, 250) == digest(plain, 300, 320, 250)


def test_a_body_continues_from_its_snapshot_bit_for_bit() -> None:
    patient = story()
    patient.live(290.0)
    body = patient.body
    snapshot = body.snapshot()
    body.advance(9000)
    once = body.snapshot()
    body.restore(snapshot)
    body.advance(4500)
    body.advance(4500)
    assert body.snapshot() == once


def test_sixty_times_faster_ends_at_the_same_body() -> None:
    slow, quick = PhysiologyPatient(seed=1), PhysiologyPatient(seed=1)
    slow.order(Order(0, "knob", {"name": "bleed", "to": 1.5}))
    quick.order(Order(0, "clock", {"speed": 60}))
    quick.order(Order(0, "knob", {"name": "bleed", "to": 1.5}))
    slow.live(600.0)
    quick.live(10.0)
    assert slow.body.snapshot() == quick.body.snapshot()


def test_a_held_case_keeps_its_heart_beating() -> None:
    patient = PhysiologyPatient(seed=1)
    patient.order(Order(300, "clock", {"speed": 0}))
    patient.live(60.0)
    assert patient.case_time_s == 30.0
    assert 20 < len(patient.beats(40.0, 60.0)) < 30


def test_a_long_stretch_is_whole() -> None:
    whole, parts = PhysiologyPatient(seed=2), PhysiologyPatient(seed=2)
    beats = whole.beats(0.0, 400.0)
    assert beats == [t for start in range(0, 400, 40) for t in parts.beats(start, start + 40)]
    wave = PhysiologyPatient(seed=2).waveform("pleth", 125.0, 0, 300 * 125)
    assert np.array_equal(wave[125 * 20 : 125 * 30], parts.waveform("pleth", 125.0, 2500, 1250))


def test_the_fleet_knows_it_by_name() -> None:
    source = make_source("physiology:normal", 4)
    assert 66 < (source.numeric("heart_rate", 30.0) or 0) < 78
    assert len(source.waveform("pleth", 125.0, 125, 250)) == 250
