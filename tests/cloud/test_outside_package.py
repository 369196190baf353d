"""The sink walk-through of cloud/README.md, done: a package, installed, found and used."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.testing.running_demo import START_S
from teleward_gateway.testing.servers import free_port
from tests.outside import install, write_package

README = Path(__file__).resolve().parents[2] / "cloud" / "README.md"
FILES = ("pyproject.toml", "my_lines.py", "test_my_lines.py")
BROKEN = """
from my_lines import MyLinesSettings
from teleward_cloud.catalogue import SinkInfo


def make(settings, context):
    raise RuntimeError("no such table")


SINK = SinkInfo("broken", "A sink that cannot be made", MyLinesSettings, make)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three files of the walk-through, as the README prints them, and a second, broken sink."""
    folder = tmp_path_factory.mktemp("package")
    write_package(README, "", FILES, folder)
    return folder


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package installed into a folder of its own, without the network."""
    target = tmp_path_factory.mktemp("site")
    install(package, target)
    (target / "broken_sinks.py").write_text(BROKEN)
    more = target / "broken_sinks-1.0.dist-info"
    more.mkdir()
    (more / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-sinks\nVersion: 1.0\n")
    points = "[teleward.sinks]\nbroken = broken_sinks:SINK\nmissing = no_such_module:SINK\n"
    (more / "entry_points.txt").write_text(points)
    return target


def run(site: Path, *words: str, code: int = 0) -> str:
    """Run Python with the installed package beside ours; return what it printed."""
    ended = subprocess.run(
        [sys.executable, *words],
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=site,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_installed_package_is_listed_and_its_own_tests_pass(site: Path, package: Path) -> None:
    listed = run(site, "-c", "from teleward_gateway.__main__ import main; main(['sinks', 'list'])")
    assert "my-lines" in listed
    assert "[sinks.my-lines]" in listed
    assert "sink package no_such_module:SINK cannot be loaded" in listed
    test = str(package / "test_my_lines.py")
    assert "2 passed" in run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)


def test_mistakes_in_its_section_are_named_by_line(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "teleward.toml"
    check = ("-m", "teleward_gateway", "config", "check", str(config))
    config.write_text("[api]\nport = 0\n[sinks.my-lines]\nfiel = 'x'\n")
    assert f"{config}:4: sinks.my-lines.fiel: no such key" in run(site, *check, code=1)
    config.write_text("[sinks.my-line]\n")
    assert "no sink named my-line; see: teleward sinks list" in run(site, *check, code=1)


def eventually(condition: Callable[[], bool], gateway: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + START_S
    while not condition():
        assert gateway.poll() is None, gateway.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


CONFIG = """
[gateway]
name = "ward-3"
mode = "simulated"
data_folder = "{data}"
[radio]
adapter = "off"
[api]
port = {port}
[embedded_broker]
enabled = false
[sinks.my-lines]
[sinks.broken]
[[subjects]]
id = "anna"
"""


def start(site: Path, config: Path) -> "subprocess.Popen[str]":
    """Start a gateway with the packages of ``site``."""
    return subprocess.Popen(
        [sys.executable, "-m", "teleward_gateway", "run", "--config", str(config)],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=config.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def asked(address: str, path: str, body: object = None) -> dict[str, object]:
    """Return the answer of a gateway's API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_a_running_gateway_delivers_to_the_sink_of_the_package(site: Path, tmp_path: Path) -> None:
    config, port = tmp_path / "teleward.toml", free_port()
    config.write_text(CONFIG.format(data=tmp_path / "data", port=port))
    address = f"http://127.0.0.1:{port}/api/v1"
    gateway = start(site, config)
    ask = partial(asked, address)

    def started() -> bool:
        try:
            return bool(ask("/gateway"))
        except OSError:
            return False

    lines = tmp_path / "data" / "simulated" / "sinks" / "my-lines" / "values.jsonl"
    try:
        eventually(started, gateway)
        values = [{"metric": "body_temperature", "value": 38.5}]
        ask("/subjects/anna/observations", {"author": "nurse", "readings": values})
        eventually(lambda: lines.exists() and '"value": 38.5' in lines.read_text(), gateway)

        def part(name: str) -> dict[str, Any]:
            parts = ask("/health")["parts"]
            assert isinstance(parts, dict)
            found: dict[str, Any] = parts[name]
            return found

        eventually(lambda: part("sink:my-lines")["sent_total"] >= 1, gateway)
        assert part("sink:my-lines")["ok"]
        assert part("sink:broken") == {
            "ok": False,
            "error": "cannot be made: RuntimeError: no such table",
        }
    finally:
        gateway.terminate()
        said, _ = gateway.communicate(timeout=30)
    assert gateway.returncode == 0, said
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    (mine,) = [row for row in found if row["metric"] == "body_temperature"]
    assert (mine["subject"], mine["author"], mine["id"][0]) == ("anna", "nurse", "ward-3")
