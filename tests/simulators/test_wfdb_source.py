"""A recording of one's own: gaps stay gaps, units are converted or refused."""

from pathlib import Path

import numpy as np
import pytest

from teleward_signal.errors import Invalid
from teleward_simulators.wfdb_source import WfdbRecording


def record(folder: Path, form: str, gain: str, data: bytes, name: str = "MLII") -> Path:
    header = folder / "r.hea"
    header.write_text(f"r 1 100 4\nr.dat {form} {gain} 16 0 0 0 0 {name}\n")
    (folder / "r.dat").write_bytes(data)
    return header


INVALID_SAMPLES = {
    "16": np.array([100, -32768, 200, 0], "<i2").tobytes(),
    "61": np.array([100, -32768, 200, 0], ">i2").tobytes(),
    "80": bytes([228, 0, 248, 128]),
    "212": bytes([100, 0x80, 0x00, 200, 0x00, 0x00]),
}


@pytest.mark.parametrize("form", list(INVALID_SAMPLES))
def test_a_sample_that_was_not_recorded_is_a_gap(tmp_path: Path, form: str) -> None:
    found = WfdbRecording(record(tmp_path, form, "200", INVALID_SAMPLES[form]))
    wave = found.waveform("ecg_ii", 100.0, 0, 4)
    assert np.isnan(wave).tolist() == [False, True, False, False]
    assert wave[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "gain, name, metric, value",
    [
        ("1(0)/uV", "MLII", "ecg_ii", 0.1),
        ("1/\u00b5V", "MLII", "ecg_ii", 0.1),
        ("200", "MLII", "ecg_ii", 0.5),
        ("1000/V", "MLII", "ecg_ii", 100.0),
        ("1/mmHg", "ABP", "arterial_pressure", 100.0),
        ("10/kPa", "ABP", "arterial_pressure", 75.0),
        ("100/NU", "PLETH", "pleth", 1.0),
    ],
)
def test_units_are_converted(
    tmp_path: Path, gain: str, name: str, metric: str, value: float
) -> None:
    data = np.array([100, 100, 100, 100], "<i2").tobytes()
    found = WfdbRecording(record(tmp_path, "16", gain, data, name))
    assert found.waveform(metric, 100.0, 0, 1)[0] == pytest.approx(value, rel=1e-3)


def test_a_unit_that_cannot_be_is_refused_with_its_name(tmp_path: Path) -> None:
    data = np.zeros(4, "<i2").tobytes()
    with pytest.raises(Invalid, match=r"ecg_ii in bpm cannot be converted; these can: mv, nv"):
        WfdbRecording(record(tmp_path, "16", "1/bpm", data))
