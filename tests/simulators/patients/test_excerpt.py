"""A recording is replayed as it was recorded."""

from importlib.resources import files

import numpy as np
import pytest

from teleward_simulators.recordings.excerpt import SEAM_S, Excerpt, names


@pytest.mark.parametrize("name", names())
def test_each_excerpt_names_its_source_and_licence(name: str) -> None:
    excerpt = Excerpt(name)
    assert "PhysioNet" in excerpt.source
    assert "Open Data Commons" in excerpt.about["licence"]
    notice = (files("teleward_simulators.recordings") / "data" / "NOTICE").read_text()
    assert name in notice


@pytest.mark.parametrize("name", names())
def test_reference_beats_stand_on_r_peaks(name: str) -> None:
    excerpt = Excerpt(name)
    fs = excerpt.sampling_rate("ecg_ii")
    wave = excerpt.waveform("ecg_ii", fs, 0, round(excerpt.duration_s * fs))
    slope = np.abs(np.diff(wave))
    beats = [b for b in excerpt.beats(1.0, excerpt.duration_s - 1.0)]
    near = [slope[round((b - 0.1) * fs) : round((b + 0.1) * fs)].max() for b in beats]
    assert len(beats) > 300
    assert np.median(near) > 5 * np.median(slope)


def test_rounds_are_joined_by_a_gap_not_by_a_beat() -> None:
    excerpt = Excerpt("bidmc-42")
    count = round(excerpt.duration_s * 125)
    gap = excerpt.waveform("pleth", 125.0, count, round(SEAM_S * 125))
    assert np.isnan(gap).all()
    again = excerpt.waveform("pleth", 125.0, count + len(gap), 100)
    assert np.array_equal(again, excerpt.waveform("pleth", 125.0, 0, 100))
    first = excerpt.beats(0.0, excerpt.duration_s)[0]
    lap = excerpt.duration_s + SEAM_S
    assert excerpt.beats(lap, lap + first + 0.01) == [pytest.approx(lap + first)]


def test_no_sample_is_invented() -> None:
    with pytest.raises(ValueError, match=r"125\.0 Hz"):
        Excerpt("bidmc-42").waveform("ecg_ii", 250.0, 0, 10)
    with pytest.raises(KeyError, match="mitdb-116"):
        Excerpt("nobody")


def test_numerics_are_the_monitors() -> None:
    excerpt = Excerpt("bidmc-42")
    assert excerpt.numeric("spo2", 10.0) == 95.0
    assert excerpt.numeric("body_temperature", 10.0) is None
    assert excerpt.numeric("spo2", excerpt.duration_s + 1.0) is None
