"""What detectors have learnt: taken over within a minute and by the same sources, else refused."""

from pathlib import Path

import pytest

from teleward_gateway.clock import Stamp
from teleward_gateway.ward.detector_store import DetectorStore, KeptStream, Learnt

S = 1_000_000_000
NOW_NS = 1_772_352_000 * S
MONOTONIC_NS = 5000 * S


def at(later_s: int, boot: str = "one", monotonic_ns: int = MONOTONIC_NS) -> Stamp:
    return Stamp(NOW_NS + later_s * S, 0, monotonic_ns + later_s * S, boot)


LEARNT = Learnt(
    [KeptStream("anna", "ecg_ii", 250.0, "patch", MONOTONIC_NS - S, b"\x01" * 100),
     KeptStream("bert", "pleth", 125.0, "ox", MONOTONIC_NS, b"\x02" * 10)],
    {"anna": b"\x03" * 7, "bert": b""},
)  # fmt: skip


def store(folder: Path, version: str = "a") -> DetectorStore:
    return DetectorStore(folder, version)


def test_everything_comes_back_once(tmp_path: Path) -> None:
    store(tmp_path).save(LEARNT, at(0))
    found = store(tmp_path).load(at(59))
    assert (list(found.streams), found.baselines) == (list(LEARNT.streams), LEARNT.baselines)
    assert store(tmp_path).load(at(59)) == Learnt()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("later_s", [-1, 61])
def test_another_time_is_refused(tmp_path: Path, later_s: int) -> None:
    store(tmp_path).save(LEARNT, at(0))
    assert store(tmp_path).load(at(later_s)) == Learnt()


def test_other_sources_are_refused(tmp_path: Path) -> None:
    store(tmp_path).save(LEARNT, at(0))
    assert store(tmp_path, "b").load(at(0)) == Learnt()


def test_a_damaged_file_is_refused_at_every_byte(tmp_path: Path) -> None:
    store(tmp_path).save(LEARNT, at(0))
    path = tmp_path / "detectors.bin"
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1 :])
        assert store(tmp_path).load(at(0)) == Learnt(), place
    for length in range(0, len(good), 11):
        path.write_bytes(good[:length])
        assert store(tmp_path).load(at(0)) == Learnt(), length


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    store(tmp_path / "missing").save(LEARNT, at(0))
    assert store(tmp_path / "missing").load(at(0)) == Learnt()


def test_a_reboot_begins_another_monotonic_count(tmp_path: Path) -> None:
    store(tmp_path).save(LEARNT, at(0))
    found = store(tmp_path).load(at(30, "two", monotonic_ns=10 * S))
    assert [stream.end_ns for stream in found.streams] == [9 * S, 10 * S]


@pytest.mark.parametrize("step_s", [-86_400, -1800, 1800, 86_400])
def test_a_step_of_the_clock_changes_nothing_within_a_boot(tmp_path: Path, step_s: int) -> None:
    store(tmp_path).save(LEARNT, at(0))
    later = at(30)
    stepped = Stamp(later.time_ns + step_s * S, 0, later.monotonic_ns, later.boot)
    assert list(store(tmp_path).load(stepped).streams) == list(LEARNT.streams)


@pytest.mark.parametrize("step_s", [-86_400, 0, 86_400])
def test_a_minute_is_measured_by_the_monotonic_clock(tmp_path: Path, step_s: int) -> None:
    store(tmp_path).save(LEARNT, at(0))
    later = at(61)
    stepped = Stamp(later.time_ns + step_s * S, 0, later.monotonic_ns, later.boot)
    assert store(tmp_path).load(stepped) == Learnt()
