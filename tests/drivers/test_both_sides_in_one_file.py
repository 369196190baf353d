"""The capnometer of drivers/README.md: built, installed, simulated and read from outside."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.outside import install, write_package

README = Path(__file__).resolve().parents[2] / "drivers" / "README.md"
FILES = ("pyproject.toml", "my_capnometer.py", "test_my_capnometer.py")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three files of the walk-through, as the README prints them."""
    folder = tmp_path_factory.mktemp("capnometer")
    write_package(README, "capnometer/", FILES, folder)
    return folder


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package installed into a folder of its own, without the network."""
    target = tmp_path_factory.mktemp("site")
    install(package, target)
    return target


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site)}


def run(site: Path, *words: str) -> str:
    """Run Python with the installed package beside ours."""
    done = subprocess.run(
        [sys.executable, *words], env=environment(site), cwd=site, timeout=120,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_own_test_passes_and_both_lists_name_it(site: Path, package: Path) -> None:
    test = str(package / "test_my_capnometer.py")
    assert "2 passed" in run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    rows = json.loads(run(site, "-m", "teleward_gateway", "drivers", "list", "--json"))
    assert [row["status"] for row in rows if row["name"] == "my-capnometer"] == ["simulator-only"]
    listed = run(site, "-m", "teleward_gateway", "simulate", "list")
    assert re.search(r"my-capnometer +A capnometer that samples the patient's breath", listed)


def test_the_simulated_capnometer_is_read_by_its_driver(site: Path, tmp_path: Path) -> None:
    """As a user does it: simulate on a port, capture from it, replay the capture."""
    port = tmp_path / "port"
    words = ["simulate", "serial", "my-capnometer", "--pty", str(port)]
    words += ["--source", "physiology:normal", "--radio", f"unix:{tmp_path}/air.sock"]
    device = subprocess.Popen(
        [sys.executable, "-m", "teleward_gateway", *words],
        env=environment(site), cwd=tmp_path, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 90
        while not port.exists():
            assert device.poll() is None, "the simulator ended"
            assert time.monotonic() < until
            time.sleep(0.1)
        out = tmp_path / "breath.jsonl"
        words = ["capture", "--driver", "my-capnometer", "--port", str(port)]
        run(site, "-m", "teleward_gateway", *words, "--out", str(out), "--seconds", "12")
    finally:
        device.send_signal(signal.SIGTERM)
        device.wait(20)
    played = run(site, "-m", "teleward_gateway", "replay", str(out), "--json")
    rows = [json.loads(line) for line in played.splitlines() if line.startswith("{")]
    text = json.dumps(rows)
    assert "capnogram" in text
    values = [row["value"] for row in rows if row.get("metric") == "etco2" and row.get("value")]
    assert values
    assert all(30 <= value <= 46 for value in values)
