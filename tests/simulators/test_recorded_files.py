"""What a gateway exported, as a patient again: samples, holes, beats and values."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from teleward_cloud.exports import csv_tables, edf
from teleward_gateway.commands import simulate
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records, scope_of, write_files
from teleward_signal.errors import Invalid
from teleward_simulators.sources import make_source


@pytest.mark.parametrize("form", ["edf", "csv"])
def test_an_export_is_a_patient_again(tmp_path: Path, form: str) -> None:
    made = Records()
    made.wave("ecg_ii", range(500), 250.0)
    made.wave("ecg_ii", range(500), 250.0, begin_ns=BEGIN_NS + 4 * NS, first=1000)
    made.wave("respiration", range(125), 62.5, block=125)
    for k in (0.5, 1.5, 4.5):
        made.beat(BEGIN_NS + round(k * NS))
    made.value(BEGIN_NS + NS, "spo2", 0.0)
    made.value(BEGIN_NS + 2 * NS, "spo2", None, reason="motion")
    writer = edf.make_writer(scope_of()) if form == "edf" else csv_tables.make_writer(scope_of())
    write_files(writer, made.ordered(), tmp_path)
    way = argparse.Namespace(way="replay", record=tmp_path)
    source = make_source(simulate._source(way))
    assert {"ecg_ii", "respiration", "heart_rate"} <= source.metrics()
    wave = source.waveform("ecg_ii", 250.0, 0, 1500)
    assert np.isnan(wave[500:1000]).all()
    assert wave[:500] == pytest.approx(np.arange(500) * 0.005, abs=1e-4)
    assert wave[1000:] == pytest.approx(np.arange(500) * 0.005, abs=1e-4)
    breath = source.waveform("respiration", 62.5, 0, 125)
    assert breath == pytest.approx(np.arange(125) * 0.005, abs=1e-4)
    assert source.beats(0.0, 6.0) == pytest.approx([0.5, 1.5, 4.5], abs=1e-3)
    # 6 s and the pause, then all over again
    assert source.beats(8.0, 9.0) == pytest.approx([8.5], abs=1e-3)
    if form == "csv":
        assert [source.numeric("spo2", at) for at in (0.5, 1.5, 2.5)] == [None, 0.0, None]


def test_a_folder_without_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"has no \.edf or \.bdf file"):
        make_source(f"edf:{tmp_path}")
    with pytest.raises(Invalid, match=r"no waveforms\.csv or measurements\.csv"):
        make_source(f"csv:{tmp_path}")
