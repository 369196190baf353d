"""The walk-through of drivers/README.md, done: a package of its own, installed, found and used."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleward_gateway.testing.running_demo import Messages
from teleward_gateway.testing.servers import Mosquitto
from tests.outside import install, write_package

README = Path(__file__).resolve().parents[2] / "drivers" / "README.md"
FILES = ("pyproject.toml", "my_thermometer.py", "test_my_thermometer.py")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three files of the walk-through, as the README prints them."""
    folder = tmp_path_factory.mktemp("package")
    write_package(README, "", FILES, folder)
    return folder


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package installed into a folder of its own, without the network."""
    target = tmp_path_factory.mktemp("site")
    install(package, target)
    return target


def run(site: Path, *words: str) -> str:
    """Run Python with the installed package beside ours."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *words],
        check=True,
        timeout=60,
        env=environment,
        cwd=site,
        capture_output=True,
        text=True,
    ).stdout


def test_the_installed_package_is_listed_and_its_own_test_passes(site: Path, package: Path) -> None:
    rows = json.loads(run(site, "-m", "teleward_gateway", "drivers", "list", "--json"))
    (mine,) = [row for row in rows if row["name"] == "my-thermometer"]
    assert mine["status"] == "simulator-only"
    test = str(package / "test_my_thermometer.py")
    assert "1 passed" in run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)


@pytest.fixture
def sketch() -> Iterator[int]:
    """A port on loopback behind which the thermometer of the walk-through prints its lines."""
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        server.settimeout(0.2)
        while not done.is_set():
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            with client:
                try:
                    while not done.wait(0.2):
                        client.sendall(b"T=36.61\r\n")
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    done.set()
    thread.join()
    server.close()


def test_a_running_gateway_reads_the_device_of_the_package(
    site: Path, sketch: int, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    config = tmp_path / "teleward.toml"
    config.write_text(
        f"""
[gateway]
mode = "simulated"
data_folder = "{tmp_path / "data"}"
[radio]
adapter = "off"
[api]
port = 0
[mqtt]
host = "127.0.0.1"
port = {mosquitto.port}
[[subjects]]
id = "anna"
[[devices]]
id = "thermometer"
driver = "my-thermometer"
port = "socket://127.0.0.1:{sketch}"
subject = "anna"
"""
    )
    messages = Messages()
    messages.listen(mosquitto.port)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "teleward_gateway", "run", "--config", str(config)]
    gateway = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until = time.monotonic() + 60
        while not messages.records(metric="body_temperature", value=36.61):
            assert gateway.poll() is None, "the gateway ended"
            assert time.monotonic() < until, messages.seen[-3:]
            time.sleep(0.1)
    finally:
        gateway.terminate()
        said, _ = gateway.communicate(timeout=30)
        messages.close()
    assert gateway.returncode == 0, said
    topic, _, record = messages.records(metric="body_temperature", value=36.61)[0]
    assert "anna" in topic or record.get("subject") == "anna"
