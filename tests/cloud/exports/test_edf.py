"""EDF+ and BDF+ files, read back by two independent libraries: pyedflib and edfio."""

import csv
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
import pyedflib
import pytest

from teleward_cloud.exports import edf
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records, scope_of, write_files


def written(folder: Path, records: Records) -> list[Path]:
    """Return the signal files of an export, by name, which is by time."""
    folder.mkdir(exist_ok=True)
    write_files(edf.make_writer(scope_of()), records.ordered(), folder)
    return sorted(path for path in folder.iterdir() if path.suffix in (".edf", ".bdf"))


def start_ns(reader: pyedflib.EdfReader) -> int:
    """Return the begin of a file as pyedflib has it: whole seconds, and the fraction in 100 ns."""
    begin = reader.getStartdatetime().replace(microsecond=0)
    whole = int((begin - datetime(1970, 1, 1)).total_seconds())
    return whole * NS + int(reader.starttime_subsecond) * 100


def counts_of(path: Path) -> list[list[int]]:
    """Return the counts of all signals, which both libraries must read alike."""
    with pyedflib.EdfReader(str(path)) as reader:
        found = [reader.readSignal(k, digital=True).tolist() for k in range(reader.signals_in_file)]
    if path.suffix == ".edf":
        other = edfio.read_edf(path)
        assert [signal.digital.tolist() for signal in other.signals] == found
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_samples_begin_and_annotations_are_those_of_the_journal(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    made = Records()
    ii = random.integers(-32768, 32768, 3000)
    v1 = random.integers(-300, 300, 3000)
    resp = random.integers(-300, 300, 750)
    made.wave("ecg_ii", ii.tolist(), 250.0)
    made.wave("ecg_v1", v1.tolist(), 250.0)
    made.wave("respiration", resp.tolist(), 62.5, block=125)
    onsets = [BEGIN_NS + round(k * 0.8123 * NS) for k in range(14)]
    for onset in onsets:
        made.beat(onset)
    made.beat(BEGIN_NS + NS, "+", "(AFIB", until_ns=BEGIN_NS + 3 * NS)
    ecg, breath = written(tmp_path, made)
    assert counts_of(ecg) == [ii.tolist(), v1.tolist()]
    assert counts_of(breath) == [resp.tolist()]
    with pyedflib.EdfReader(str(breath)) as reader:
        assert reader.getSampleFrequency(0) == 62.5
        assert start_ns(reader) == BEGIN_NS
    with pyedflib.EdfReader(str(ecg)) as reader:
        assert start_ns(reader) == BEGIN_NS
        assert reader.getSignalLabels() == ["ECG II", "ECG V1"]
        at, _, texts = reader.readAnnotations()
        physical = reader.readSignal(1)
    assert physical == pytest.approx(v1 * 0.005, abs=1e-4)
    beats = [t for t, text in zip(at, texts, strict=True) if text == "N"]
    # pyedflib counts from the begin with its fraction, edfio from the whole second
    assert beats == pytest.approx([(onset - BEGIN_NS) / NS for onset in onsets], abs=1e-3)
    marks = edfio.read_edf(ecg).annotations
    rhythm = next(mark for mark in marks if mark.text == "+ (AFIB")
    assert rhythm.onset == pytest.approx(1.0, abs=1e-3)
    assert rhythm.duration == 2.0
    assert b"SIMULATED" in ecg.read_bytes()[:256]


def test_every_stretch_is_a_file_and_every_hole_is_listed(tmp_path: Path) -> None:
    made = Records()
    later_ns = BEGIN_NS + 3600 * NS + 123_456_789
    made.wave("ecg_ii", range(1000), 250.0)
    made.wave("ecg_ii", [7], 250.0, begin_ns=later_ns, first=900_000)  # one sample after an hour
    back_ns = later_ns - 60 * NS  # the clock is set back: the samples go on
    made.wave("ecg_ii", range(500), 250.0, begin_ns=back_ns, first=900_001)
    files = written(tmp_path, made)
    found = sorted((counts_of(path)[0] for path in files), key=len)
    assert found == [[7], list(range(500)), list(range(1000))]
    holes = rows(tmp_path / "gaps.csv")
    end_ns = BEGIN_NS + 4 * NS
    assert [hole["kind"] for hole in holes] == ["gap", "gap"]
    assert float(holes[0]["seconds"]) == pytest.approx((back_ns - end_ns) / NS)
    assert int(holes[0]["samples"]) == round((back_ns - end_ns) / NS * 250)
    listed = rows(tmp_path / "files.csv")
    assert {row["file"] for row in listed} == {path.name for path in files}
    assert sorted(int(row["samples"]) for row in listed) == [1, 500, 1000]


def test_a_long_stretch_pads_nothing(tmp_path: Path) -> None:
    made = Records()
    counts = (np.arange(250 * 150 + 17) % 5000).tolist()
    made.wave("ecg_ii", counts, 250.0, block=333)
    for k in range(600):  # more marks in one second than a record has room for
        made.beat(BEGIN_NS + 149 * NS + k * NS // 700, label="of a long name" if k % 2 else "")
    main, tail = written(tmp_path, made)
    assert tail.name.endswith("_tail.edf")
    assert counts_of(main)[0] + counts_of(tail)[0] == counts
    marks = [*edfio.read_edf(main).annotations, *edfio.read_edf(tail).annotations]
    assert len(marks) == 600


def test_a_slow_clock_makes_a_measured_rate_and_no_hole(tmp_path: Path) -> None:
    made = Records()
    counts = (np.arange(250 * 400) % 5000).tolist()
    made.wave("ecg_ii", counts, 250.0, drift=80e-6)
    main, *_ = written(tmp_path, made)
    with pyedflib.EdfReader(str(main)) as reader:
        last_s = (reader.getNSamples()[0] - 1) / reader.getSampleFrequency(0)
        nominal_s = (reader.getNSamples()[0] - 1) / 250.0
    assert last_s == pytest.approx(nominal_s * (1 + 80e-6), abs=5e-3)
    assert rows(tmp_path / "gaps.csv") == []


def test_counts_of_32_bits_become_bdf(tmp_path: Path) -> None:
    made = Records()
    counts = [-(2**23), 2**23 - 1, 0, -1, 123_456] * 50
    made.wave("ppg_red", counts, 50.0, dtype="int32", block=50)
    (path,) = written(tmp_path, made)
    assert path.suffix == ".bdf"
    assert counts_of(path) == [counts]
