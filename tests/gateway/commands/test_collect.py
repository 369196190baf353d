"""``teleward collect``: the name of one collector among several."""

import os
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.commands import collect


def test_names_stay_the_same_and_differ_on_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    locks: list[Any] = []
    monkeypatch.setattr(collect, "_LOCKS", locks)
    first, second = collect.own_name(), collect.own_name()
    assert first.endswith("-1")
    assert second.endswith("-2")
    locks.pop(0).close()
    assert collect.own_name() == first
    for lock in locks:
        lock.close()


def test_a_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    usual = tmp_path / f"teleward-collect-{os.getuid()}"
    usual.symlink_to(tmp_path / "elsewhere")
    assert collect.own_name() != collect.own_name()
    assert not list((tmp_path / "elsewhere").iterdir())
