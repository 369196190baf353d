"""A start removes compiled kernels that are old or too many, and nothing else."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from teleward_signal.compiled.pruning import KEPT, UNUSED_S, hold, prune

PACKAGE = "teleward_signal"
NOW_S = time.time()
DAY_S = 86_400.0
OLDER = "teleward_signal-0123456789abcdef"
GONE = "hospital_drivers.wave-00112233aabbccdd"


def kernels(cache: Path, name: str, days: float) -> Path:
    """Make a folder of kernels that was used so many days ago."""
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "answer.nbi").write_text("machine code")
    os.utime(folder, (NOW_S - days * DAY_S,) * 2)
    return folder


def left(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()}


def test_a_month_without_use_and_it_goes(tmp_path: Path) -> None:
    kernels(tmp_path, OLDER, 31)
    kernels(tmp_path, "teleward_signal-fedcba9876543210", 29)
    removed = prune(tmp_path, PACKAGE, NOW_S)
    assert {path.name for path in removed} == {OLDER}
    assert left(tmp_path) == {"teleward_signal-fedcba9876543210"}


def test_the_newest_folders_of_a_package_stay(tmp_path: Path) -> None:
    for days in range(KEPT + 3):
        kernels(tmp_path, f"teleward_signal-{days:016x}", days)
    prune(tmp_path, PACKAGE, NOW_S)
    assert left(tmp_path) == {f"teleward_signal-{days:016x}" for days in range(KEPT)}


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name in ("photos", "teleward_signal", "teleward_signal-0123", GONE):
        kernels(cache, name, 400)
    outside = kernels(tmp_path, OLDER, 400)
    (cache / OLDER).symlink_to(outside)
    (cache / "teleward_signal-0000000000000000").write_text("a file")
    os.utime(cache / "teleward_signal-0000000000000000", (0, 0))
    before = left(cache)
    assert prune(cache, PACKAGE, NOW_S) == []
    assert left(cache) == before
    assert (outside / "answer.nbi").exists()


def test_what_a_process_runs_from_stays_however_old(tmp_path: Path) -> None:
    folder = kernels(tmp_path, OLDER, 31)
    code = (
        "import sys, pathlib; from teleward_signal.compiled.pruning import hold;"
        "hold(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as runner:  # fmt: skip
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"held\n"
        assert time.time() - folder.stat().st_mtime < DAY_S, "it has been used now"
        later_s = time.time() + 2 * UNUSED_S
        assert prune(tmp_path, PACKAGE, later_s) == []
        runner.communicate()
    assert prune(tmp_path, PACKAGE, later_s) == [folder]


def test_what_cannot_be_removed_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = kernels(tmp_path, "teleward_signal-fedcba9876543210", 31)
    free = kernels(tmp_path, OLDER, 31)
    remove = os.rmdir

    def rmdir(path: str, **more: Any) -> None:
        if "fedcba" in str(path):
            raise PermissionError(1, "not allowed", str(path))
        remove(path, **more)

    monkeypatch.setattr(os, "rmdir", rmdir)
    with caplog.at_level(logging.INFO):
        assert prune(tmp_path, PACKAGE, NOW_S) == [free]
    assert f"cannot remove the unused kernels {stuck}" in caplog.text
    assert f"removed the unused kernels {free}" in caplog.text
    assert prune(tmp_path / "none", PACKAGE, NOW_S) == []
    hold(tmp_path / "none")


@pytest.mark.true_time  # a process of its own compares its clock with times of files
def test_a_start_does_it(tmp_path: Path) -> None:
    cache = tmp_path / "teleward" / "kernels"
    kernels(cache, OLDER, 31)
    unset = ("NUMBA_CACHE_DIR", "CACHE_DIRECTORY")
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    subprocess.run(
        [sys.executable, "-c", "import teleward_signal.banks.sos"],
        env={**environment, "XDG_CACHE_HOME": str(tmp_path)}, check=True,
    )  # fmt: skip
    (present,) = left(cache)
    assert present.startswith("teleward_signal-")
    assert present != OLDER
