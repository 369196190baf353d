"""Whole recordings in one call: any real dtype, named arrays, tables and pictures."""

import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_signal import ecg, ppg, respiration
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.errors import Invalid

mpl.use("Agg")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def counts() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    with np.load(ROOT / "tests/signals/ecg/data/mitdb_208.npz") as data:
        return data["counts"].astype(np.int64), data["beats"]


def test_all_beats_of_a_recording_are_found_up_to_its_end(
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    ecg_counts, marked = counts
    beats = ecg.analyse(ecg_counts, fs=360, counts_per_mv=200, zero=1024)
    assert len(beats) == len(marked)
    assert np.abs(beats.sample - marked).max() <= 0.15 * 360
    assert set(beats.label) <= set("NVSQ")
    assert np.allclose(beats.interval_s[1:], np.diff(beats.time_s))
    assert {each.name for each in beats.rhythms} >= {"trigeminy"}
    assert all(each.start_s < each.end_s for each in beats.rhythms)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_any_real_dtype_gives_the_same_beats_from_one_compiled_form(
    counts: tuple[NDArray[np.int64], NDArray[np.int64]], dtype: type[np.generic]
) -> None:
    short = counts[0][: 360 * 20]
    expected = ecg.analyse(short.tolist(), 360, 200, 1024)
    found = ecg.analyse(short.astype(dtype)[::1], 360, 200, 1024)
    assert np.array_equal(found.sample, expected.sample)
    assert np.array_equal(found.label, expected.label)
    from teleward_signal.ecg import loop

    assert len(loop.advance_all.overloads) == 1  # type: ignore[attr-defined]


def test_what_it_finds_is_what_a_live_stream_finds(
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    mv = ((counts[0] - 1024) / 200).astype(np.float32)
    bank = EcgBank(360.0, 1)
    live = []
    for first in range(0, len(mv), 90):
        block = mv[None, first : first + 90].copy()
        bank.process(block, np.array([block.shape[1]], np.int32))
        events = bank.drain()
        live.append(events[events["kind"] == 1]["sample"])
    found = ecg.analyse(mv, fs=360.0).sample
    known = np.concatenate(live)
    assert np.array_equal(found[: len(known)], known)
    assert len(found) - len(known) <= 2, "only the last beats need the held end"


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros((2, 500)), r"one channel, such as samples\[0\]"),
        (np.zeros((500, 1)), r"one channel, such as samples\[:, 0\]"),
        (np.zeros((2, 2, 9)), "one channel"),
        ([[1.0], [1.0, 2.0]], "unequal length"),
        (None, "one channel"),
        (np.zeros(0), "no samples"),
        ([0.1, None], "NaN where one is lost"),
        (np.zeros(500, complex), "floats or integers"),
        (np.zeros(500, bool), "floats or integers"),
        (["a", "b"], "floats or integers"),
    ],
)
def test_what_is_no_recording_is_refused(samples: object, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        ecg.analyse(samples, fs=250)  # type: ignore[arg-type]


def test_a_rate_or_gain_that_cannot_be_is_refused() -> None:
    for analyse in (ecg.analyse, ppg.analyse, respiration.analyse):
        with pytest.raises(Invalid, match="to 1000 Hz; resample"):
            analyse(np.zeros(500), fs=5)
        with pytest.raises(Invalid, match="a number"):
            analyse(np.zeros(500), fs="250")  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="positive"):
        ecg.analyse(np.zeros(500), fs=250, counts_per_mv=0)


def test_an_infinite_sample_is_a_lost_one(
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    lost = (counts[0][:3600].astype(float) - 1024) / 200
    infinite = lost.copy()
    lost[700:705], infinite[700:705] = np.nan, np.inf
    found = ecg.analyse(infinite, fs=360)
    assert len(found) > 5
    assert np.array_equal(found.sample, ecg.analyse(lost, fs=360).sample)


def test_a_flat_recording_has_no_beats_and_no_rate() -> None:
    beats = ecg.analyse(np.zeros(2500, np.int16), fs=250)
    assert len(beats) == 0
    assert repr(beats.heart_rate) == "<heart rate withheld, 10 s>"
    assert len(beats.to_frame()) == 0


def test_pulses_and_breaths_have_the_same_form() -> None:
    t = np.arange(30 * 125) / 125
    pulses = ppg.analyse(5 + np.sin(2 * np.pi * 1.2 * t) + 0.3 * np.sin(4.8 * np.pi * t), fs=125)
    assert len(pulses) == 36
    assert np.nanmedian(pulses.pulse_rate.value) == pytest.approx(72, abs=0.5)
    t = np.arange(120 * 50) / 50
    breaths = respiration.analyse((1000 * np.sin(0.5 * np.pi * t)).astype(np.int16), fs=50)
    assert len(breaths) == pytest.approx(30, abs=1)
    assert np.nanmedian(breaths.respiratory_rate.value) == pytest.approx(15, abs=0.2)
    for marks in (pulses, breaths):
        assert list(marks.to_frame().columns) == ["time_s", "sample", "interval_s", "sqi"]
        assert marks.to_frame().attrs["units"]["time_s"] == "s"
        assert len(marks.plot().lines) == 2


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    told = runpy.run_path(str(ROOT / "docs/examples/first_beats.py"))
    said = capsys.readouterr().out
    assert abs(len(told["beats"]) - len(told["marked"])) <= 1
    assert "pulses in 30.0 s" in said
    assert "AAMI class" in said


def test_a_library_that_is_missing_is_named_with_the_remedy() -> None:
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "import numpy as np\nfrom teleward_signal import ecg\n"
        "ecg.analyse(np.zeros(500), fs=250).to_frame()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'this needs pandas: pip install "teleward[notebook]"' in done.stderr
