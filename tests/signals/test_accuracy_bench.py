"""The accuracy benchmark on a folder made for the test, and its reader against known bytes."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from teleward_gateway.bench import accuracy
from teleward_gateway.bench.beat_scoring import compare, pair
from teleward_gateway.bench.wfdb_files import read_annotations, read_record

EXCERPT = Path(__file__).parent / "data" / "mitdb_208.npz"


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


def options(folder: Path, *only: str) -> argparse.Namespace:
    return argparse.Namespace(data=folder, only=list(only) or None, no_peers=True)


def test_a_folder_of_records_is_measured_per_record_and_pooled(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write_record(tmp_path / "deep", "excerpt")
    result = accuracy.measure(options(tmp_path))
    assert set(result["qrs"]["pooled"]) == {"se", "ppv", "f1"}
    assert result["qrs"]["pooled"]["f1"] >= 99.0
    assert result["qrs"]["records"][0]["record"] == "excerpt"
    assert result["af"]["wfdb, annotated"]["pooled"]["teleward"][1] >= 90.0
    text = accuracy.table(result)
    assert "excerpt" in text
    assert "pooled" in text


def test_a_folder_with_nothing_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nothing to measure"):
        accuracy.measure(options(tmp_path))


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
    result = accuracy.measure(options(tmp_path, "af"))
    sensitivity, specificity = result["af"]["afdb"]["pooled"]["teleward"]
    assert sensitivity > 90
    assert specificity > 90


def test_format_212_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(bytes([0xE3, 0x33, 0xF3, 0xFF, 0x8F, 0x00]))
    (tmp_path / "a.hea").write_text(
        "a 2 360 2\na.dat 212 200 11 1024 0 0 0 MLII\na.dat 212 100/uV 11 0 0 0 0 V5\n"
    )
    record = read_record(tmp_path / "a.hea")
    assert record.signals[0, 0] == pytest.approx((0x3E3 - 1024) / 200)
    assert record.signals[0, 1] == pytest.approx(0x3F3 / 100)
    assert record.signals[1, 0] == pytest.approx((-1 - 1024) / 200)
    assert record.signals[1, 1] == pytest.approx(-2048 / 100)
    assert record.units == ("mV", "uV")


def test_long_skips_in_annotations_are_followed(tmp_path: Path) -> None:
    words = [59 << 10, 1, 5, 1 << 10 | 3, 0]  # skip 65541, then a normal beat 3 later
    (tmp_path / "a.atr").write_bytes(np.array(words, "<u2").tobytes())
    notes = read_annotations(tmp_path / "a.atr")
    assert list(notes.samples) == [65544]
    assert list(notes.symbols) == ["N"]


def test_each_beat_is_paired_once_and_the_nearest_first() -> None:
    i, j = pair(np.array([100, 140]), np.array([95, 130, 139, 400]), 54)
    assert list(zip(i, j, strict=True)) == [(0, 0), (1, 2)]


def test_mistakes_in_fibrillation_do_not_count() -> None:
    count, _, mistakes = compare(
        np.array([1000, 2000]), np.array([1000, 5000, 9000]), 360.0, [(4000, 6000)]
    )
    assert (count.found, count.missed, count.false) == (1, 1, 1)
    assert list(mistakes) == [2000, 9000]
