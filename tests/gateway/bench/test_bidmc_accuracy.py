"""The BIDMC tables on a small made-up recording in the dataset's own files."""

from pathlib import Path

import numpy as np
import pytest

from teleward_gateway.bench.accuracy import anomaly, bidmc, bidmc_motion
from teleward_gateway.bench.accuracy.anomaly_days import DETERIORATIONS, deteriorate, quiet_day
from teleward_gateway.bench.accuracy.bidmc_files import FS, bidmc_names, read_bidmc
from teleward_signal.banks.bank import EventKind
from teleward_signal.respiration.bank import RespirationBank

SECONDS = 120
HEART_RATE, BREATHS = 75.0, 15.0


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two minutes of one even patient: pulse 200 ms after R, breathing in every signal."""
    t = np.arange(round(SECONDS * FS) + 1) / FS
    rng = np.random.default_rng(11)
    breath = np.sin(2 * np.pi * BREATHS / 60 * t)
    beat = (t * HEART_RATE / 60) % 1.0
    length_s = 60 / HEART_RATE
    ecg = (1 + 0.1 * breath) * np.exp(-(((beat * length_s - 0.2) / 0.012) ** 2))
    ecg += 0.2 * np.exp(-(((beat * length_s - 0.45) / 0.04) ** 2)) + rng.normal(0, 0.01, len(t))
    ppg = np.exp(-(((beat * length_s - 0.5) / 0.09) ** 2)) + 0.1 * breath + 0.3
    folder = tmp_path / "bidmc"
    folder.mkdir()
    table = np.column_stack([t, breath, ppg, ecg])
    header = "Time [s], RESP, PLETH, II"
    np.savetxt(folder / "bidmc_01_Signals.csv", table, "%.5f", ",", header=header, comments="")
    lines = ["Time [s], HR, PULSE, RESP, SpO2"]
    lines += [f"{k},{HEART_RATE:.0f},75,15,{'NaN' if k == 3 else 97}" for k in range(SECONDS + 1)]
    (folder / "bidmc_01_Numerics.csv").write_text("\n".join(lines) + "\n")
    tops = [round((k + 0.25) * 60 / BREATHS * FS) for k in range(29)]
    marks = "\n".join(f"{at},{at + 2}" for at in tops)
    (folder / "bidmc_01_Breaths.csv").write_text(f"breaths ann1, breaths ann2\n{marks}\n50,\n")
    return tmp_path


def test_reads_the_files_of_the_dataset(dataset: Path) -> None:
    assert bidmc_names(dataset / "bidmc") == ["bidmc_01"]
    record = read_bidmc(dataset / "bidmc", "bidmc_01")
    assert len(record.ppg) == round(SECONDS * FS) + 1
    assert np.isnan(record.spo2[3])
    assert len(record.breaths_s[0]) == len(record.breaths_s[1]) + 1


def test_a_clean_recording_scores_as_it_should(dataset: Path) -> None:
    result = bidmc.rows(dataset, peers=False)
    (row,) = result["recordings"]
    pooled = result["pooled"]
    assert row["f1"] > 97
    assert row["hr_mae"] < 0.5
    assert row["hr_kept"] > 0.95
    assert row["pat_ms"] == pytest.approx(235, abs=30)
    assert pooled["rr_mae"] < 0.3
    assert pooled["rr_derived_mae"] < 0.5
    assert pooled["windows"] == 6
    text = bidmc.table(result)
    assert "bidmc_01" in text
    assert "goal 99.0" in text


def test_missed_and_extra_pulses_are_counted() -> None:
    beats = np.arange(50, 7000, 100)
    reference = bidmc.Reference(beats, np.zeros(7500, bool), 1.0)
    pulses = np.sort(np.append(np.delete(beats, [5, 6]) + 30, 4280))
    assert bidmc.match_pulses(pulses, reference) == (len(beats) - 2, 1, 2)


def test_no_recording_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no bidmc_NN_Signals"):
        bidmc.rows(tmp_path)


def test_days_come_from_their_seed_and_troubles_change_them() -> None:
    numerics = np.tile([75.0, 15.0, 97.0], (480, 1))
    day = quiet_day(numerics, 6.0, 3)
    np.testing.assert_array_equal(day, quiet_day(numerics, 6.0, 3))
    worse, crisis_s = deteriorate(day, DETERIORATIONS[0])
    end = round(crisis_s / 5)
    assert np.nanmedian(worse[end:, 0]) > np.nanmedian(day[:end, 0]) + 25


def test_alarms_close_to_each_other_count_once_and_delays_hold_back() -> None:
    trigger = np.zeros((1, 17280), bool)
    trigger[0, [100, 110, 5000]] = True
    assert anomaly.onsets_per_day(trigger) == 2
    days = np.tile([75.0, 15.0, 97.0], (1, 200, 1))
    days[0, 100:115, 2] = 84
    assert anomaly.limits(days, 10.0).sum() == 14
    assert anomaly.limits(days, 120.0).sum() == 0
    assert anomaly.news2_total(days, 3.0).any()


def test_movement_comes_from_its_seed_and_is_counted() -> None:
    rng = np.random.default_rng(2)
    still = np.sin(2 * np.pi * 0.25 * np.arange(round(120 * FS)) / FS) + rng.normal(
        0, 0.02, round(120 * FS)
    )
    moved = bidmc_motion.with_motion(still, bidmc_motion.OF_RESPIRATION, 4)
    np.testing.assert_array_equal(
        moved, bidmc_motion.with_motion(still, bidmc_motion.OF_RESPIRATION, 4)
    )
    assert np.abs(moved - still).max() > 1
    bank = RespirationBank(FS, 1)
    bank.process(still[None].astype(np.float32), np.array([len(still)], np.int32))
    events = bank.drain()
    clean = events[events["kind"] == EventKind.RESPIRATORY_RATE]
    wrong, marked, known, quiet = bidmc_motion.mark_motion(
        still, clean, bidmc_motion.OF_RESPIRATION
    )
    assert (known, quiet) == (80, 0)
    assert 0 < marked <= wrong < known
