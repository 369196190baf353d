"""A command works once, restarts, power cuts, damaged files and clocks that fall back included."""

import json
from pathlib import Path

import pytest

from teleward_gateway.remote_commands.memory import CommandMemory, TooManyCommands

S = 10**9
NOW_NS = 1_772_352_000 * S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "commands.json"


def opened(path: Path, now_ns: int = NOW_NS) -> CommandMemory:
    memory = CommandMemory(path)
    memory.load(now_ns, 300 * S)
    return memory


def test_what_was_taken_is_known_after_a_restart(path: Path) -> None:
    memory = opened(path)
    memory.take("a", NOW_NS + 60 * S, NOW_NS)
    memory.save(memory.document())
    again = opened(path, NOW_NS + 5 * S)
    assert "a" in again
    assert "b" not in again
    assert not again.is_over(NOW_NS + 60 * S)


def test_a_clock_that_falls_back_revives_nothing(path: Path) -> None:
    memory = opened(path)
    memory.take("a", NOW_NS + 60 * S, NOW_NS)
    memory.take("b", NOW_NS + 200 * S, NOW_NS + 100 * S)  # forgets a, which has expired
    memory.save(memory.document())
    again = opened(path, NOW_NS - 3600 * S)
    assert "a" not in again
    assert again.is_over(NOW_NS + 60 * S)
    assert not again.is_over(NOW_NS + 61 * S)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"floor_ns": 0, "taken": [1]}', '{"taken":{}}']
)
def test_a_damaged_file_refuses_what_may_have_been_taken(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(content)
    memory = opened(path)
    assert memory.is_over(NOW_NS + 300 * S)
    assert not memory.is_over(NOW_NS + 301 * S)
    assert "may have been given before" in caplog.text
    memory.take("a", NOW_NS + 301 * S, NOW_NS + S)
    memory.save(memory.document())
    assert json.loads(path.read_text())["taken"] == {"a": NOW_NS + 301 * S}


def test_it_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teleward_gateway.remote_commands.memory._MOST", 3)
    memory = opened(path)
    for number in range(3):
        memory.take(str(number), NOW_NS + 60 * S, NOW_NS)
    with pytest.raises(TooManyCommands):
        memory.take("3", NOW_NS + 60 * S, NOW_NS)
    memory.take("4", NOW_NS + 120 * S, NOW_NS + 60 * S)
    assert json.loads(memory.document())["taken"] == {"4": NOW_NS + 120 * S}


def test_a_power_cut_while_writing_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = opened(path)
    memory.take("a", NOW_NS + 60 * S, NOW_NS)
    memory.save(memory.document())

    def cut(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", cut)
    memory.take("b", NOW_NS + 60 * S, NOW_NS)
    with pytest.raises(OSError, match="Input/output"):
        memory.save(memory.document())
    assert "a" in opened(path)
