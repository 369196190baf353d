"""Service manager: what a real Unix socket receives from a start, a running gateway and a stop."""

import asyncio
import os
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from teleward_gateway.app import Gateway
from teleward_gateway.parts import Parts
from teleward_gateway.process import watchdog
from teleward_gateway.process.service_manager import (
    LONGEST_START_S,
    ServiceManager,
    StartClock,
    of_this_process,
)
from teleward_gateway.settings.load import parse
from teleward_gateway.testing.running_gateway import no_radio


class Manager:
    """The manager's end of the socket, as systemd binds it; what comes is read by a thread."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._received = queue.Queue[str]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while text := self._socket.recv(4096).decode():
            self._received.put(text)

    def receive(self) -> str:
        """Return the next datagram."""
        return self._received.get(timeout=60)

    def silent(self) -> bool:
        """Return whether nothing has come."""
        return self._received.empty()

    async def wait_for(self, wanted: str) -> list[str]:
        """Return the datagrams up to the first that holds ``wanted``."""
        received = [""]
        while wanted not in received[-1]:
            received.append(await asyncio.to_thread(self.receive))
        return received[1:]

    def close(self) -> None:
        """End the thread with an empty datagram, and close the socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.sendto(b"", self._socket.getsockname())
        self._reader.join()
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


async def test_a_gateway_is_ready_once_its_journal_is_open_and_lives(
    manager: Manager, tmp_path: Path
) -> None:
    text = f'[gateway]\nname = "g"\ndata_folder = "{tmp_path}"\n[api]\nport = 0\n'
    started = asyncio.Queue[Parts]()
    gateway = Gateway(parse(text), no_radio, manager=ServiceManager(manager.address, 0.4))
    running = asyncio.create_task(gateway.run(started.put_nowait))
    received = await manager.wait_for("READY=1")
    assert received[-1] == "READY=1\nSTATUS=recording"
    assert (tmp_path / "field" / "field.sqlite3").exists()
    await manager.wait_for("WATCHDOG=1")
    parts = await started.get()
    await manager.wait_for("STATUS=running")
    assert parts.journal.silent_s() < watchdog.HUNG_S
    gateway.stop()
    await manager.wait_for("STOPPING=1")
    assert await running == 0


async def test_a_journal_that_the_disk_refuses_is_ready_and_states_it(
    manager: Manager, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file where the folder must be")
    text = f'[gateway]\nname = "g"\ndata_folder = "{tmp_path}/data"\n[api]\nport = 0\n'
    gateway = Gateway(parse(text), no_radio, manager=ServiceManager(manager.address))
    running = asyncio.create_task(gateway.run())
    received = await manager.wait_for("READY=1")
    assert "STATUS=not recording: records cannot be written" in received[-1]
    gateway.stop()
    assert await running == 0


async def test_a_writer_that_hangs_is_reported_and_a_loop_that_hangs_is_silent(
    manager: Manager,
) -> None:
    silences = iter([0.0, watchdog.HUNG_S - 1, watchdog.HUNG_S])
    async with AsyncExitStack() as stack:
        watchdog.guard(
            stack, ServiceManager(manager.address, 0.001), lambda: next(silences, watchdog.HUNG_S)
        )
        received = [await asyncio.to_thread(manager.receive) for _ in range(3)]
    assert received == ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=trigger"]


async def test_without_a_watchdog_nothing_is_fed(manager: Manager) -> None:
    async with AsyncExitStack() as stack:
        watchdog.guard(stack, ServiceManager(manager.address), lambda: 0.0)
        assert {task.get_name() for task in asyncio.all_tasks()} & {"watchdog"} == set()


def test_a_long_start_asks_for_time_while_it_works(manager: Manager) -> None:
    with ServiceManager(manager.address).starting(every_s=0.1):
        while manager.silent():
            sum(range(10_000))  # works
    assert manager.receive() == "EXTEND_TIMEOUT_USEC=60000000"


def test_a_start_that_hangs_gets_no_time() -> None:
    clock = StartClock(100.0, 1.0, 0)
    assert clock.works(115.0, 3.0, 0)
    assert clock.works(130.0, 3.001, 8), "it waits for the disk"
    assert not clock.works(145.0, 3.002, 8)
    assert clock.works(160.0, 9.0, 8)
    assert not clock.works(100.0 + LONGEST_START_S, 99.0, 999)


def test_an_abstract_socket_is_reached() -> None:
    manager = Manager(f"@teleward-test-{os.getpid()}")
    ServiceManager(manager.address).alive()
    assert manager.receive() == "WATCHDOG=1"
    manager.close()


def test_a_manager_that_is_away_or_full_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    address = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unread:
        unread.bind(address)
        while not caplog.records:
            ServiceManager(address).alive()
    assert "not reached" in caplog.text
    caplog.clear()
    ServiceManager(str(tmp_path / "nobody")).alive()
    assert "not reached" in caplog.text


def test_the_environment_is_read_once_and_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    manager = of_this_process()
    assert bool(manager)
    assert manager.watchdog_s == 30.0
    assert "NOTIFY_SOCKET" not in os.environ
    assert not of_this_process()


@pytest.mark.parametrize(
    "environment",
    [
        {"NOTIFY_SOCKET": "/x"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "much"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "30000000"},
    ],
)
def test_a_watchdog_of_another_process_or_none_is_not_fed(environment: dict[str, str]) -> None:
    assert ServiceManager.of_environment(environment, 77).watchdog_s is None
