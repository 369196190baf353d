"""Training from nothing, end to end, on two excerpts and made noise."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

from teleward_gateway.bench.accuracy.beat_scoring import compare
from teleward_gateway.training import ecg_training
from teleward_gateway.training.ecg_augment import Beats
from teleward_gateway.training.ecg_left_out import stressed
from teleward_gateway.training.ecg_simulated import STRETCHES_S, WITHOUT_TRUTH, simulate
from teleward_gateway.training.observed_loop import Stage, observe
from teleward_signal.banks.bank import EventKind
from teleward_signal.compiled.records import Records
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.ecg.networks import Networks, load_networks
from teleward_signal.ecg.sequence import remember, share
from teleward_signal.ecg.state import ECG_STATE, N_CLASS, EcgState, EcgTiming, timing
from teleward_simulators.rhythms.table import RHYTHMS

DATA = Path(__file__).parents[2] / "signals" / "ecg" / "data"
CODES = {"N": 1, "V": 5, "F": 6}


def write_record(folder: Path, name: str, repeats: int) -> None:
    """Write an excerpt several times over as a WFDB record of two channels with annotations."""
    with np.load(DATA / f"mitdb_{name}.npz") as data:
        counts, beats, symbols = data["counts"], data["beats"], data["symbols"]
    whole = np.tile(counts, repeats)
    (folder / f"{name}.dat").write_bytes(np.stack([whole, -whole], 1).astype("<i2").tobytes())
    lines = f"{name}.dat 16 200 11 1024 0 0 0 MLII\n{name}.dat 16 200 11 -1024 0 0 0 V1\n"
    (folder / f"{name}.hea").write_text(f"{name} 2 360 {len(whole)}\n{lines}")
    words, last = [], 0
    for k in range(repeats):
        for sample, symbol in zip(beats + k * len(counts), symbols, strict=True):
            words.append(CODES.get(str(symbol), 13) << 10 | int(sample) - last)
            last = int(sample)
    (folder / f"{name}.atr").write_bytes(np.array([*words, 0], "<u2").tobytes())


def write_noise(folder: Path, name: str, seed: int) -> None:
    steps = np.random.default_rng(seed).normal(0, 8, (36000, 2)).cumsum(0)
    noise = (steps - steps.mean(0)).clip(-2000, 2000)
    (folder / f"{name}.dat").write_bytes(noise.astype("<i2").tobytes())
    lines = f"{name}.dat 16 200 11 0 0 0 0 noise\n" * 2
    (folder / f"{name}.hea").write_text(f"{name} 2 360 36000\n{lines}")


def test_one_command_trains_weights_that_find_and_class_beats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("mitdb", "nstdb"):
        (tmp_path / folder).mkdir()
    write_record(tmp_path / "mitdb", "208", 4)
    write_record(tmp_path / "mitdb", "202", 4)
    for seed, name in enumerate(("em", "ma", "bw")):
        write_noise(tmp_path / "nstdb", name, seed)
    out = tmp_path / "weights.npz"
    options = ["--data", str(tmp_path), "--out", str(out), "--variants", "3", "--folds", "0"]
    options += ["--patients", "0"]
    monkeypatch.setattr(sys, "argv", ["ecg_training", *options])
    ecg_training.main()
    said = capsys.readouterr().out
    assert "pooled V trained" in said
    assert "of processor" in said
    with np.load(out) as weights:
        assert sorted(weights) == sorted({*Networks._fields} - {"fibrillation"})
        networks = load_networks()._replace(**weights)
    with np.load(DATA / "mitdb_208.npz") as data:
        ecg = ((data["counts"] - 1024) / 200).astype(np.float32)
        beats = data["beats"]
    bank = EcgBank(360.0, 1, networks)
    bank.process(ecg[None], np.array([len(ecg)], np.int32))
    events = bank.drain()
    found = events[events["kind"] == EventKind.BEAT]["sample"]
    assert compare(beats, found, 360.0)[0].percent()["f1"] >= 95.0


def test_noise_is_put_where_the_noise_stress_records_have_it() -> None:
    ecg = np.zeros(600 * 360)
    beats = np.arange(200, len(ecg) - 200, 300)
    ecg[beats] = 1.0
    noise = np.random.default_rng(0).normal(0, 1, (len(ecg), 2))
    source = Beats(ecg, 360.0, beats, np.full(len(beats), "N"))
    added = stressed(source, noise, 6.0).ecg - ecg
    louder = stressed(source, noise, 0.0).ecg - ecg
    minutes = added.reshape(10, -1).std(axis=1)
    assert list(minutes > 0) == [False] * 5 + [True, True, False, False, True]
    assert louder.std() / added.std() == pytest.approx(2, rel=0.01)


def test_the_observed_loop_finds_what_the_production_loop_finds() -> None:
    with np.load(DATA / "mitdb_208.npz") as data:
        ecg = (data["counts"] - 1024) / 200
    networks = load_networks()
    judged, beats = observe(360.0, ecg, networks)
    bank = EcgBank(360.0, 1, networks)
    bank.process(ecg[None].astype(np.float32), np.array([len(ecg)], np.int32))
    events = bank.drain()
    assert beats.tobytes() == events[events["kind"] == EventKind.BEAT].tobytes()
    samples, features = judged.of(Stage.CLASS)
    assert np.array_equal(samples, beats["sample"])
    assert features.shape == (len(beats), N_CLASS)
    candidates, _ = judged.of(Stage.BEAT)
    assert set(beats["sample"]) <= set(candidates)
    doubtful, _ = judged.of(Stage.DOUBT)
    assert set(doubtful) < set(candidates)
    assert len(judged.of(Stage.QUALITY)[0]) == len(ecg) // 360


def _share_of(states: Records[EcgState], times: Records[EcgTiming], at: int, p: float) -> float:
    """Feed a beat every 288 samples, then ask for a doubtful candidate."""
    s, t = states[0], times[0]
    s.own_interval, s.own_spread = 0.8, 0.06
    for k in range(1, 6):
        remember(s, t, k * 288, 0.99)
        remember(s, t, k * 288 + 120, 0.3)
    s.later_at[0], s.later_p[0] = at, p
    s.n = at + 165
    return float(share(s, t, 0))


share_of: Any = njit(_share_of)


def test_a_doubtful_candidate_counts_more_where_a_beat_is_due() -> None:
    times = timing(360.0)
    due = share_of(np.zeros(1, ECG_STATE), times, 6 * 288, 0.5)
    early = share_of(np.zeros(1, ECG_STATE), times, 5 * 288 + 150, 0.5)
    assert due > 0.9
    assert early < 0.2


def test_simulated_patients_come_with_the_truth_of_their_rhythm() -> None:
    records = simulate(1, 3)
    assert set(records) == {f"{name}/0" for name in RHYTHMS if name not in WITHOUT_TRUTH}
    for name, (first, second) in records.items():
        n = len(first.ecg)
        assert n == len(second.ecg) == sum(STRETCHES_S) * first.fs, name
        inside = first.samples[(first.samples > 50) & (first.samples < n - 50)]
        near = np.stack([first.ecg[at - 20 : at + 20] for at in inside])
        assert np.median(np.ptp(near, axis=1)) > 3 * np.median(np.abs(np.diff(first.ecg))), name
    standstill = records["p_wave_asystole/0"][0]
    silent = np.diff(standstill.samples).max() / standstill.fs
    assert silent > STRETCHES_S[1] - 3
    block = records["complete_block/0"][0]
    slow = np.diff(block.samples[block.samples < 50 * block.fs]) / block.fs
    assert 1.4 < np.median(slow) < 2.2


def test_the_same_seed_simulates_the_same_patients() -> None:
    one, again, other = (simulate(1, seed)["vt/0"][0] for seed in (3, 3, 4))
    assert np.array_equal(one.ecg, again.ecg)
    assert np.array_equal(one.samples, again.samples)
    assert not np.array_equal(one.samples, other.samples)
