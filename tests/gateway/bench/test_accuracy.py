"""The accuracy benchmark on a folder made for the test."""

import argparse
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy import command
from teleward_gateway.bench.accuracy.beat_scoring import compare, pair
from teleward_gateway.bench.accuracy.rhythm import judge, true_episodes
from teleward_gateway.training.af_training import NETWORKS, Part, train
from teleward_signal.banks.network import n_weights
from teleward_signal.ecg.fibrillation import N_FEATURES, describe_all, fibrillation, padded
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_simulators.recordings.wfdb_files import Annotations

EXCERPT = Path(__file__).parents[2] / "signals" / "ecg" / "data" / "mitdb_208.npz"


def write_record(folder: Path, name: str) -> None:
    """Write the excerpt as a WFDB record in format 16 with annotations."""
    with np.load(EXCERPT) as data:
        counts, beats, symbols = data["counts"], data["beats"], data["symbols"]
    (folder / f"{name}.dat").write_bytes(counts.astype("<i2").tobytes())
    (folder / f"{name}.hea").write_text(
        f"{name} 1 360 {len(counts)}\n{name}.dat 16 200 11 1024 0 0 0 MLII\n"
    )
    codes = {"N": 1, "V": 5, "F": 6}
    words, last = [28 << 10 | 0, 63 << 10 | 2, int.from_bytes(b"(N", "little")], 0
    for sample, symbol in zip(beats, symbols, strict=True):
        words.append(codes.get(str(symbol), 13) << 10 | int(sample) - last)
        last = int(sample)
    (folder / f"{name}.atr").write_bytes(np.array([*words, 0], "<u2").tobytes())


def test_figures_of_people_left_out_stand_below_those_trained_on(tmp_path: Path) -> None:
    write_record(tmp_path, "208")
    result = command.measure(options(tmp_path, "ecg"))
    lines = command.table(result).split("Left out:")[1].splitlines()
    assert any("QRS F1" in line and "99.92" in line for line in lines)
    assert all(row["by"].split(",")[0] for row in result["left_out"])


def options(folder: Path, *only: str) -> argparse.Namespace:
    return argparse.Namespace(data=folder, only=list(only) or None, no_peers=True)


def test_a_folder_of_records_is_measured_per_record_and_pooled(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write_record(tmp_path / "deep", "excerpt")
    result = command.measure(options(tmp_path, "ecg", "af", "rhythm", "shockable"))
    assert set(result["qrs"]["pooled"]) == {"se", "ppv", "f1"}
    assert result["qrs"]["pooled"]["f1"] >= 99.0
    assert result["qrs"]["records"][0]["record"] == "excerpt"
    assert result["af"]["wfdb, annotated"]["pooled"]["teleward"][1] >= 90.0
    text = command.table(result)
    assert "excerpt" in text
    assert "pooled" in text


def test_a_folder_with_nothing_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nothing to measure"):
        command.measure(options(tmp_path))


def test_afdb_texts_are_found_and_judged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    intervals = np.concatenate([np.full(300, 0.8), rng.gamma(16, 0.04, 400)])
    samples = np.cumsum(np.round(intervals * 250)).astype(int)
    rows = zip(samples - np.round(intervals * 250).astype(int), intervals, samples, strict=True)
    (tmp_path / "qrs00001.txt").write_text("".join(f"{a}\t{b:.3f}\t{c}\n" for a, b, c in rows))
    (tmp_path / "atr00001.txt").write_text(
        "      Elapsed time  Sample #  Type  Sub Chan  Num\tAux\n"
        "    0:00.100       25     +    0    0    0\t(N\n"
        f"    4:00.000    {samples[299]}     +    0    0    0\t(AFIB\n"
    )
    result = command.measure(options(tmp_path, "af"))
    sensitivity, specificity = result["af"]["afdb"]["pooled"]["teleward"]
    assert sensitivity > 90
    assert specificity > 90


def test_each_beat_is_paired_once_and_the_nearest_first() -> None:
    i, j = pair(np.array([100, 140]), np.array([95, 130, 139, 400]), 54)
    assert list(zip(i, j, strict=True)) == [(0, 0), (1, 2)]


def test_mistakes_in_fibrillation_do_not_count() -> None:
    count, _, mistakes = compare(
        np.array([1000, 2000]), np.array([1000, 5000, 9000]), 360.0, [(4000, 6000)]
    )
    assert (count.found, count.missed, count.false) == (1, 1, 1)
    assert list(mistakes) == [2000, 9000]


def test_rhythm_episodes_are_counted_found_and_right(tmp_path: Path) -> None:
    """The excerpt of record 208 has trigeminy by its beats and no grave rhythm."""
    write_record(tmp_path, "excerpt")
    result = command.measure(options(tmp_path, "rhythm"))["rhythm"]
    [row] = result["records"]
    for name in ("asystole", "ventricular_tachycardia", "ventricular_fibrillation"):
        _, _, told, _ = row.get(name, (0, 0, 0, 0))
        assert told == 0
    assert "ventricular_fibrillation without a cause: 0" in command.table({"rhythm": result})


def test_true_episodes_follow_from_annotated_beats_and_names() -> None:
    beats = np.concatenate(
        [np.arange(0, 3600, 300), [3700, 3850, 4000], np.arange(5100, 9000, 300)]
    )
    symbols = np.array(["N"] * 12 + ["V"] * 3 + ["N"] * 13)
    notes = ["(N", *[""] * 14, "(B", *[""] * 12]
    episodes = true_episodes(Annotations(beats, symbols, tuple(notes)), 360.0, 9000)
    assert episodes[Rhythm.VENTRICULAR_RUN] == [(3700, 4000)]
    assert episodes[Rhythm.VENTRICULAR_TACHYCARDIA] == []
    assert episodes[Rhythm.PAUSE] == [(4000, 5100)]
    assert episodes[Rhythm.BIGEMINY] == [(5100, 9000)]
    said = {Rhythm.VENTRICULAR_RUN: [(3800, 4100), (6000, 6300)], Rhythm.PAUSE: [(4000, 5100)]}
    counts = judge(episodes, said, 360.0)
    assert counts["ventricular_run"] == (1, 1, 2, 1)
    assert counts["pause"] == (1, 1, 1, 1)
    assert counts["bigeminy"] == (1, 0, 0, 0)


def test_the_training_leaves_out_the_record_it_judges() -> None:
    """A record that nothing else resembles is not known before it was trained on."""
    rng = np.random.default_rng(1)
    calm = [Part(name, *_series(rng, 0.02, False)) for name in ("a", "b")]
    wild = Part("c", *_series(rng, 0.2, True))
    without, whole = train([*calm, wild], ["c"]), train([*calm, wild])
    assert len(whole) == NETWORKS * n_weights(N_FEATURES)
    intervals = 0.8 + rng.normal(0, 0.2, 300)
    assert np.mean(fibrillation(intervals, whole)) > 0.9
    assert np.mean(fibrillation(intervals, without)) < 0.7


def _series(
    rng: np.random.Generator, spread: float, is_af: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    features = np.zeros((3000, N_FEATURES), np.float32)
    describe_all(padded(0.8 + rng.normal(0, spread, 3000)), features, 1)
    return features, np.full(3000, is_af), np.ones(3000, np.float32)


@pytest.mark.parametrize("group", ["ecg", "af", "rhythm", "shockable"])
def test_a_record_of_annotations_alone_stops_no_group(tmp_path: Path, group: str) -> None:
    """Of LTAFDB the beats and rhythms are at hand, the signals are not."""
    (tmp_path / "mitdb").mkdir()
    write_record(tmp_path / "mitdb", "excerpt")
    (tmp_path / "mitdb" / "excerpt.dat").unlink()
    try:
        result = command.measure(options(tmp_path, group))
    except SystemExit:
        result = {}
    judged = result.get("af", {}).get("wfdb without samples, annotated", {"records": []})
    assert len(judged["records"]) == (group == "af")
