"""Files in memory: whose they are, who may have put them there, and when they go."""

import os
import time
from pathlib import Path

import pytest

from teleward_gateway.process.shared_memory import ABANDONED_S, memory_file

DAY_S = 86_400


def test_each_data_folder_has_files_of_its_own(tmp_path: Path) -> None:
    one, two = (memory_file(tmp_path / name, "clock.json", tmp_path) for name in ("one", "two"))
    assert one is not None
    assert two is not None
    assert one != two
    assert one == memory_file(tmp_path / "one", "clock.json", tmp_path)
    assert one.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / f"teleward-{os.getuid()}"
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    assert memory_file(tmp_path, "clock.json", tmp_path) is None
    assert memory_file(tmp_path, "clock.json", tmp_path / "none" / "here") is None


@pytest.mark.true_time  # it turns the clock itself
@pytest.mark.parametrize("step_s", [0, DAY_S])
def test_only_files_of_other_gateways_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    files = [memory_file(tmp_path / name, "clock.json", tmp_path) for name in ("own", "other")]
    for file in files:
        assert file is not None
        file.write_text("{}")
    now_s = time.time()
    monkeypatch.setattr(time, "time", lambda: now_s + step_s + ABANDONED_S / 2)
    assert memory_file(tmp_path / "own", "clock.json", tmp_path) == files[0]
    assert [file is not None and file.exists() for file in files] == [True, step_s == 0]
