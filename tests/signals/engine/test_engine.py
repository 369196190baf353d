"""The engine: many subjects in one call, times, withheld values, rhythm marks, save and restore."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from teleward_gateway.bench.signal_speed import synthetic_ecg
from teleward_signal.compiled.cache import cache_folder
from teleward_signal.engine.engine import AT_ONCE, Engine, EngineConfig
from teleward_signal.model import Annotation, Measurement

FS = 250.0
START_NS = 1_700_000_000_000_000_000
ECG = synthetic_ecg(40.0, FS, 1)
STEP = 50


def run(
    engine: Engine, handles: list[int], ecg: NDArray[np.float32], start: int = 0
) -> list[tuple[str, Measurement | Annotation]]:
    """Push ``ecg`` to every handle in ticks of 200 ms, as the gateway does."""
    out = []
    for at in range(0, len(ecg), STEP):
        time_ns = START_NS + round((start + at) / FS * 1e9)
        for handle in handles:
            engine.push(handle, time_ns, ecg[at : at + STEP])
        out += engine.process(time_ns)
    return out


def rates(out: list[tuple[str, Measurement | Annotation]], subject: str) -> list[Measurement]:
    return [m for who, m in out if who == subject and isinstance(m, Measurement)]


def test_every_subject_gets_a_heart_rate_each_second() -> None:
    engine = Engine()
    handles = [engine.open_stream(f"bed {k}", "ecg_ii", FS) for k in range(5)]
    out = run(engine, handles, ECG)
    for k in range(5):
        values = rates(out, f"bed {k}")
        assert len(values) == 40
        assert values[-1].value == pytest.approx(75, abs=4)
        assert values[-1].metric == "heart_rate"
        assert values[-1].quality is not None
        assert values[-1].quality > 0.4
        assert [m.time_ns for m in values] == sorted(m.time_ns or 0 for m in values)


@pytest.mark.parametrize("others", [["pleth"], ["ecg_ii"], ["respiration", "pleth", "ecg_ii"]])
def test_messages_come_in_an_order_that_no_other_subject_changes(others: list[str]) -> None:
    mine = ["ecg_ii", "pleth", "ecg_v5", "respiration"]
    found = []
    for before in [], others:
        engine = Engine()
        left = [engine.open_stream("left", metric, FS) for metric in before]
        engine.open_stream("stays", "ecg_ii", 125.0)
        handles = [engine.open_stream("a", metric, FS) for metric in mine[:2]]
        for handle in left:
            engine.close_stream(handle)
        handles += [engine.open_stream("a", metric, FS) for metric in mine[2:]]
        found.append([repr(each) for each in run(engine, handles, ECG[: 12 * 250])])
    assert found[0] == found[1]
    assert len(found[0]) > 50


def test_beats_carry_the_time_of_the_r_peak() -> None:
    engine = Engine()
    out = run(engine, [engine.open_stream("a", "ecg_ii", FS)], ECG)
    beats = [m for _, m in out if isinstance(m, Annotation) and m.symbol == "N"]
    peak_ns = START_NS + round(0.4 * 1e9)
    assert min(abs(beat.time_ns - peak_ns) for beat in beats) < 15e6
    assert "rr_s" in beats[5].evidence


def test_values_of_a_flat_signal_are_withheld_with_the_reason() -> None:
    engine = Engine()
    handle = engine.open_stream("a", "ecg_ii", FS)
    run(engine, [handle], ECG)
    out = run(engine, [handle], np.zeros(1500, np.float32), len(ECG))
    newest = rates(out, "a")[-1]
    assert newest.value is None
    assert newest.reason == "no_signal"
    assert engine.quality(handle) == (0.0, ("no_signal",))


def test_samples_after_a_gap_keep_their_time() -> None:
    engine = Engine()
    handle = engine.open_stream("a", "ecg_ii", FS)
    run(engine, [handle], ECG[:5000])
    engine.gap(handle, 2500)
    out = run(engine, [handle], ECG[5000:], 7500)
    beats = [m.time_ns for _, m in out if isinstance(m, Annotation) and m.symbol in "NVSQ"]
    assert min(beats) >= START_NS + round(7500 / FS * 1e9)


def test_a_long_gap_gives_what_short_blocks_give_and_keeps_no_work_space() -> None:
    found = []
    for step in (STEP, len(ECG)):
        engine = Engine()
        handles = [engine.open_stream(name, "ecg_ii", FS) for name in ("one", "other")]
        out, lost = [], round(60 * FS)
        for at in range(0, lost, min(step, lost)):
            for handle in handles:
                engine.gap(handle, min(step, lost - at))
            out += engine.process(START_NS)
        for at in range(0, len(ECG), step):
            for handle in handles:
                engine.push(handle, START_NS, ECG[at : at + step])
            out += engine.process(START_NS)
        found.append([(m.value, m.reason) for m in rates(out, "one")])
        assert found[-1][-1][0] == pytest.approx(75, abs=4)
        for shared in engine._banks.values():
            assert shared._samples.shape[1] <= AT_ONCE
    assert found[0] == found[1]


def test_a_rhythm_is_marked_when_it_begins_and_as_a_whole_when_it_ends() -> None:
    engine = Engine()
    handle = engine.open_stream("a", "ecg_ii", FS)
    silent = np.random.default_rng(0).normal(0, 0.015, 2000).astype(np.float32)
    out = run(engine, [handle], np.concatenate([ECG[:5000], silent, ECG[:3000]]))
    marks = {m.label: m for _, m in out if isinstance(m, Annotation) and m.symbol == "+"}
    begin, end = marks["asystole begins"], marks["asystole ends"]
    assert begin.until_ns is None
    assert end.time_ns == begin.time_ns
    assert end.until_ns is not None
    assert (end.until_ns - end.time_ns) / 1e9 == pytest.approx(8.5, abs=1.0)
    assert begin.evidence["strip_ns"][0] < begin.time_ns < begin.evidence["strip_ns"][1]


def test_a_closed_stream_frees_its_slot_and_says_nothing_more() -> None:
    engine = Engine()
    first = engine.open_stream("a", "ecg_ii", FS)
    run(engine, [first], ECG[:2500])
    engine.close_stream(first)
    assert engine.process(START_NS) == []
    with pytest.raises(ValueError, match="no open stream"):
        engine.push(first, START_NS, ECG[:50])
    second = engine.open_stream("b", "ecg_ii", FS)
    out = run(engine, [second], ECG)
    alone = Engine()
    assert out == run(alone, [alone.open_stream("b", "ecg_ii", FS)], ECG)


def test_a_stream_continues_from_its_snapshot() -> None:
    engine, later = Engine(), Engine()
    handle = engine.open_stream("a", "ecg_ii", FS)
    run(engine, [handle], ECG[:5000])
    copy = later.open_stream("a", "ecg_ii", FS)
    later.restore(copy, engine.snapshot(handle))
    rest = ECG[5000:]
    assert run(later, [copy], rest, 5000) == run(engine, [handle], rest, 5000)


def test_a_metric_without_analysis_is_refused() -> None:
    assert not Engine.analyses("capnogram")
    with pytest.raises(ValueError, match="capnogram"):
        Engine().open_stream("a", "capnogram", FS)


def test_warming_tells_its_progress() -> None:
    told: list[float] = []
    Engine(EngineConfig()).warm(lambda _, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_kernels_are_kept_where_they_may_be_written() -> None:
    assert cache_folder({"NUMBA_CACHE_DIR": "/x"}) == Path("/x")
    assert cache_folder({"CACHE_DIRECTORY": "/var/cache/teleward"}) == Path(
        "/var/cache/teleward/kernels"
    )
    assert cache_folder({"XDG_CACHE_HOME": "/home/a/.cache"}) == Path(
        "/home/a/.cache/teleward/kernels"
    )


def test_the_engine_runs_where_scipy_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from teleward_signal.engine.engine import Engine\n"
        "Engine().warm(); print('warm')"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.split() == ["warm"]


def test_compiled_kernels_go_to_the_folder_asked_for(tmp_path: Path) -> None:
    code = (
        "from teleward_signal.compiled.cache import FOLDER\n"
        "from teleward_signal.banks.sos import cascade\n"
        "import numpy as np\n"
        "cascade(np.zeros((5, 6)), np.zeros((5, 2)), np.zeros(4), np.zeros(4)); print(FOLDER)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert out.stdout.strip() == str(tmp_path)
    assert any(tmp_path.rglob("*.nbi"))
