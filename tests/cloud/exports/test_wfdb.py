"""WFDB records, read back by PhysioNet's own library and by the reader of the simulators."""

import datetime
import warnings
from pathlib import Path

import numpy as np
import pytest

from teleward_cloud.exports import wfdb as exported
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records, scope_of, write_files
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pandas, about what wfdb does as it is imported
    import wfdb

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


def written(folder: Path, records: Records) -> list[str]:
    write_files(exported.make_writer(scope_of()), records.ordered(), folder)
    return (folder / "RECORDS").read_text().split()


def test_samples_begin_and_annotations_are_those_of_the_journal(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    made = Records()
    ii, v1 = random.integers(-32767, 32767, (2, 2000)).tolist()
    resp = random.integers(-300, 300, 625).tolist()
    made.wave("ecg_ii", ii, 250.0)
    made.wave("ecg_v1", v1, 250.0)
    made.wave("respiration", resp, 62.5, block=125)
    onsets = [BEGIN_NS + round(k * 0.8123 * NS) for k in range(9)]
    for onset in onsets:
        made.beat(onset, "V")
    made.beat(onsets[-1], "+", "(AFIB")
    ecg, breath = sorted(written(tmp_path, made))
    record = wfdb.rdrecord(str(tmp_path / ecg), physical=False)
    assert record.d_signal.T.tolist() == [ii, v1]
    assert record.base_datetime == datetime.datetime(2026, 3, 1, 8, 0, 0, 250_000)
    assert (record.sig_name, record.units) == (["II", "V1"], ["mV", "mV"])
    assert wfdb.rdrecord(str(tmp_path / ecg)).p_signal[:, 0] == pytest.approx(np.array(ii) * 0.005)
    # the library counts modulo 2^16 and keeps what stands in the header
    for stated, found in zip(record.checksum, record.calc_checksum(), strict=True):
        assert (stated - found) % 2**16 == 0
    other = wfdb.rdrecord(str(tmp_path / breath), physical=False)
    assert (other.fs, other.d_signal[:, 0].tolist()) == (62.5, resp)
    marks = wfdb.rdann(str(tmp_path / ecg), "atr")
    seconds = marks.sample / marks.fs
    assert seconds[:9] == pytest.approx([(at - BEGIN_NS) / NS for at in onsets], abs=1e-3)
    assert marks.symbol == ["V"] * 9 + ["+"]
    assert marks.aux_note[-1].rstrip("\0") == "(AFIB"
    own = read_record(tmp_path / f"{ecg}.hea")
    assert own.signals == pytest.approx(np.array([ii, v1]).T * 0.005)
    assert read_annotations(tmp_path / f"{ecg}.atr").symbols.tolist() == ["V"] * 9 + ["+"]
    assert "SIMULATED" in (tmp_path / f"{ecg}.hea").read_text()


def test_marks_on_samples_count_samples(tmp_path: Path) -> None:
    made = Records()
    made.wave("ecg_ii", range(1000), 250.0)
    for k in (0, 200, 999):
        made.beat(BEGIN_NS + k * 4_000_000)
    (name,) = written(tmp_path, made)
    marks = wfdb.rdann(str(tmp_path / name), "atr")
    assert marks.sample.tolist() == [0, 200, 999]
    assert marks.fs == 250


def test_one_sample_and_counts_of_32_bits(tmp_path: Path) -> None:
    made = Records()
    made.wave("ppg_red", [5_000_000], 62.5, dtype="int32")
    (name,) = written(tmp_path, made)
    record = wfdb.rdrecord(str(tmp_path / name), physical=False)
    assert record.d_signal.tolist() == [[5_000_000]]
