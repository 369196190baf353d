"""Starting and stopping the demo: clear words, and nothing left behind."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleward_gateway.demo.show import START_S, USUAL_CPU_S, DemoError, prepare, start_limit_s
from teleward_gateway.testing.running_demo import RunningDemo, interpreter


def processes_below(folder: Path) -> list[str]:
    """Return the command lines of running processes that name ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command:
                found.append(command)
    return found


def wait_gone(folder: Path) -> None:
    deadline_s = time.monotonic() + 15
    while processes_below(folder):
        assert time.monotonic() < deadline_s, processes_below(folder)
        time.sleep(0.05)


def run_demo(*options: str) -> subprocess.CompletedProcess[str]:
    command = [str(interpreter()), "-m", "teleward_gateway", "demo", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    demo = RunningDemo.start(tmp_path, patients=2, settings="[embedded_broker]\nport = 0\n")
    try:
        demo.wait_live()
        yield demo
    finally:
        demo.stop()


def test_ctrl_c_stops_everything(demo: RunningDemo, tmp_path: Path) -> None:
    assert len(processes_below(tmp_path)) >= 3
    # a connection cut while bumble makes it is told by bumble with a traceback
    while demo.get("health")["parts"]["sessions"]["streaming"] < len(demo.plan.devices):
        time.sleep(0.2)
    demo.process.send_signal(signal.SIGINT)
    output, _ = demo.process.communicate(timeout=20)
    assert demo.process.returncode == 0
    assert output.strip().endswith("stopped")
    wait_gone(tmp_path)
    assert not (demo.folder / "run").exists()
    log = (demo.folder / "gateway.log").read_text()
    assert "Traceback" not in log
    assert "still disconnecting" not in log


def test_the_children_die_with_a_killed_parent(demo: RunningDemo, tmp_path: Path) -> None:
    demo.process.kill()
    demo.stop()
    wait_gone(tmp_path)


def test_a_dead_gateway_ends_the_demo_with_its_reason(demo: RunningDemo, tmp_path: Path) -> None:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"teleward.toml" in command and str(tmp_path).encode() in command:
                os.kill(int(entry.name), signal.SIGKILL)
    output, _ = demo.process.communicate(timeout=20)
    assert demo.process.returncode == 1
    assert "the gateway process ended" in output
    wait_gone(tmp_path)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_demo("--port", str(port), "--folder", str(tmp_path))
    assert done.returncode == 1
    line = f"teleward demo: port {port} is in use; choose another with --port\n"
    assert done.stdout + done.stderr == line


def test_an_impossible_ward_is_one_clear_line(tmp_path: Path) -> None:
    done = run_demo("--patients", "65", "--folder", str(tmp_path), "--port", "0")
    assert done.returncode == 1
    assert done.stdout == "teleward demo: 65 patients: a simulated ward has 1 to 64\n"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_demo("--folder", str(tmp_path / "file" / "demo"), "--port", "0")
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "choose another place with --folder" in done.stdout


def test_an_almost_full_disk_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = argparse.Namespace(total=10**9, used=10**9 - 5 * 2**20, free=5 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    arguments = argparse.Namespace(
        patients=1, seed=1, port=0, folder=tmp_path / "demo", settings=None, case=None, held=False,
        lesson=None, lan=False,
    )  # fmt: skip
    with pytest.raises(DemoError, match=r"disk almost full: 5 MB free in .* needs 200 MB"):
        prepare(arguments)


def test_phones_get_a_door_when_asked_for(tmp_path: Path) -> None:
    for lan in (False, True):
        arguments = argparse.Namespace(
            patients=1, seed=1, port=0, folder=tmp_path / "demo", settings=None, case=None,
            held=False, lesson=None, lan=lan,
        )  # fmt: skip
        demo = prepare(arguments)
        settings = tomllib.loads((demo.folder / "teleward.toml").read_text())
        assert ("lan" in settings) is lan
    assert settings["lan"]["enabled"] is True
    assert demo.door == settings["lan"]["plain_port"] != settings["lan"]["port"]


def test_a_slower_machine_gets_a_longer_start() -> None:
    assert start_limit_s(0.5 * USUAL_CPU_S) == start_limit_s(USUAL_CPU_S) == START_S
    assert start_limit_s(10 * USUAL_CPU_S) == 10 * START_S
