"""``teleward devices`` and ``scan``: on the registry of a stopped gateway, and on a running one."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn

from teleward_drivers.catalogue import catalogue
from teleward_gateway.__main__ import main
from teleward_gateway.api.factory import create_app
from teleward_gateway.api.view import GatewaySummary
from teleward_gateway.live import LiveHub
from teleward_gateway.registry import Registry
from teleward_gateway.registry.lock import RegistryLock
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_signal.model import Provenance
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sources import make_source

Say = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path, unused_tcp_port: int) -> Path:
    """Return the settings of a gateway that has run once and is stopped now."""
    (tmp_path / "field").mkdir()
    file = tmp_path / "teleward.toml"
    file.write_text(f'[gateway]\ndata_folder = "{tmp_path}"\n[api]\nport = {unused_tcp_port}\n')
    return file


@pytest.fixture
def say(settings: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run one command that must succeed; return what it printed."""

    def run(*words: str, code: int = 0) -> str:
        found = main(["devices", "--config", str(settings), "--author", "nurse", *words])
        output = capsys.readouterr()
        assert found == code, output.err
        return output.out + output.err

    return run


def test_the_file_of_a_gateway_that_starts_is_left_alone(say: Say, settings: Path) -> None:
    say("admit", "p1")
    gateway = RegistryLock(settings.parent / "field")
    assert gateway.take()
    try:
        assert "starting or stopping; try again" in say("admit", "p2", code=1)
    finally:
        gateway.release()
    say("admit", "p2")


def test_stopped_gateway_is_commissioned_through_its_file(say: Say, settings: Path) -> None:
    assert "admitted into bed bed-1" in say("admit", "p1", "--bed", "bed-1")
    say("admit", "p2")
    words = ("add", "strap", "heart-rate", "C0:00:00:00:00:01", "--bed", "bed-1")
    assert "feeds bed bed-1: p1" in say(*words, "--option", "silence_s=20")
    assert "feeds p2 since" in say("move", "strap", "--subject", "p2")
    table = say("list")
    assert "strap   heart-rate  C0:00:00:00:00:01  p2" in table
    say("add", "spare", "heart-rate", "C0:00:00:00:00:02")
    assert "in place of strap" in say("swap", "strap", "spare")
    assert say("whose", "strap", "2000-01-01T00:00:00Z") == "nobody\n"
    say("discharge", "p2")
    say("remove", "strap")
    registry = Registry(settings.parent / "field" / "registry.sqlite", Provenance.FIELD)
    assert [(d.id, dict(d.options)) for d in registry.devices()] == [("spare", {})]
    assert [b.subject or b.bed for b in registry.bindings("strap")] == ["bed-1", "p2"]
    registry.close()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("move", "ghost", "--subject", "p1"), "device ghost is not registered: add it first"),
        (("add", "x", "no-driver", "C0:00:00:00:00:01"), "no driver 'no-driver'"),
        (("add", "x", "heart-rate", "C0:00:00:00:00:01", "--option", "silence"), "NAME=VALUE"),
        (("discharge", "ghost"), "subject ghost is not admitted"),
        (("pair", "ghost"), "not registered"),
    ],
)
def test_mistake_is_one_line_with_its_remedy(say: Say, words: tuple[str, ...], reason: str) -> None:
    said = say(*words, code=1)
    assert reason in said
    assert said.count("\n") == 1


def test_gateway_that_never_ran_is_said_so(tmp_path: Path, say: Say) -> None:
    (tmp_path / "field").rmdir()
    assert "start the gateway once" in say("list", code=1)


def test_running_gateway_is_asked_over_http(tmp_path: Path, unused_tcp_port: int, say: Say) -> None:
    """The change is made by the running process: its registry knows it without a restart."""
    registry = Registry(tmp_path / "running.sqlite", Provenance.FIELD)
    server = Running(registry, unused_tcp_port)
    server.start()
    try:
        say("admit", "p1")
        say("add", "strap", "heart-rate", "C0:00:00:00:00:01", "--subject", "p1")
        assert [d.id for d in registry.bound_devices()] == ["strap"]
        said = say("add", "twin", "heart-rate", "C0:00:00:00:00:01", code=1)
        assert "another device has this address" in said
    finally:
        server.stop()
        registry.close()


class Running(threading.Thread):
    """The gateway's application on a port, without sessions."""

    def __init__(self, registry: Registry, port: int) -> None:
        super().__init__()
        sessions = SessionManager(catalogue(), None, lambda *_: None, lambda *_: None)
        summary = GatewaySummary("gw", "0", Provenance.FIELD, "j", 0, 1.25)
        view = SimpleNamespace(
            summary=lambda: summary,
            live=LiveHub({}),
            registry=registry,
            commissioning=Commissioning(registry, sessions, catalogue()),
            health=None,
        )
        config = uvicorn.Config(
            create_app(view), port=port, log_level="warning", lifespan="off", ws="none"
        )
        self.server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until stopped."""
        asyncio.run(self.server.serve())

    def start(self) -> None:
        """Return once the port answers."""
        super().start()
        while not self.server.started:
            self.join(0.01)

    def stop(self) -> None:
        """End and wait."""
        self.server.should_exit = True
        self.join()


class TestScan:
    """``teleward scan`` over a virtual radio and on a pty."""

    def test_device_in_reach_is_listed_with_its_driver(
        self, tmp_path: Path, settings: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fleet = InThread(tmp_path)
        fleet.start()
        try:
            settings.write_text(
                f'[gateway]\nmode = "simulated"\ndata_folder = "{tmp_path}"\n'
                f'[radio]\nadapter = "virtual:{fleet.spec}"\n[api]\nport = 1\n'
            )
            words = ["scan", "--config", str(settings), "--seconds", "2"]
            assert main(words) == 0
            said = capsys.readouterr().out
            assert main([*words, "--json"]) == 0
            rows = json.loads(capsys.readouterr().out)
        finally:
            fleet.stop()
        line = next(line for line in said.splitlines() if "C0:00:00:00:00:01" in line)
        assert "heart-rate" in line
        assert "dBm" in line
        assert rows[0]["address"] == "C0:00:00:00:00:01"
        assert rows[0]["drivers"][0] == "heart-rate"

    def test_missing_port_is_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["scan", "--serial", "--port", str(tmp_path / "usb-none")]) == 0
        assert "not plugged in" in capsys.readouterr().out


class InThread(threading.Thread):
    """A hub with one strap, in a loop of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.spec = folder, ""
        self._ready, self._end = threading.Event(), asyncio.Event()

    def run(self) -> None:
        """Serve until stopped."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        hub = Hub()
        self.spec = await hub.start(f"unix:{self.folder}/air.sock")
        strap = HeartRate(make_source("simple:steady"), "C0:00:00:00:00:01")
        await strap.start(hub.air)
        self._ready.set()
        await self._end.wait()
        await strap.stop()
        await hub.stop()

    def start(self) -> None:
        """Return once the device is on the air."""
        super().start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        """End and wait."""
        self._loop.call_soon_threadsafe(self._end.set)
        self.join()
