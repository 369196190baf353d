"""Every part of a running gateway raises once: it begins again, health and a log line name it."""

import ast
import asyncio
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

import teleward_cloud
import teleward_drivers
import teleward_gateway
from teleward_drivers.radio import Radio
from teleward_gateway import parts as parts_module
from teleward_gateway.app import Gateway
from teleward_gateway.parts import Parts
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.settings.load import parse

SETTINGS = """
[gateway]
name = "g"
mode = "simulated"
data_folder = "{folder}"
[api]
port = 0
[embedded_broker]
port = 0
[lan]
enabled = true
host = "127.0.0.1"
port = 0
plain_port = 0
[classroom]
enabled = true
[[alarms.commands]]
name = "lamp"
command = ["true"]
[[subjects]]
id = "anna"
[[devices]]
id = "ox"
driver = "cms50d"
port = "/dev/teleward-none"
subject = "anna"
"""

PARTS: dict[str, set[str]] = {
    "derived values": set(),
    "tick": set(),
    "clock": set(),
    "readings file": set(),
    "snapshots": set(),
    "alarm store": set(),
    "sinks": {
        "embedded broker",
        "mqtt connection",
        "delivery to mqtt",
        "delivery to command-lamp",
        "delivery to escalation",
    },
    "loop watch": set(),
    "live view": set(),
    "classes": set(),
    "access": set(),
    "course of the figures": set(),
    "local network": set(),
    "scan watch": set(),
    "scan for a page": set(),
    "bluez agent": set(),
    "session ox": set(),
    "embedded broker": set(),
    "mqtt connection": set(),
    "delivery to mqtt": {"mqtt connection"},
    "delivery to command-lamp": set(),
    "delivery to escalation": set(),
}
"""Every supervised part, and the parts that begin again with it."""
BRIEF = "registry"
"""A part that ends once its file is written: it raises in its first run and begins again."""

BOUNDED = {
    "teleward_cloud/influx/sink.py": "the writes of one batch, awaited there",
    "teleward_cloud/mqtt/source.py": "the collector, a process of its own",
    "teleward_drivers/replay_link.py": "the player of a recording",
    "teleward_drivers/serial_link.py": "the reader of a port; its end is the end of the link",
    "teleward_gateway/access/guard.py": "one stream and its login; the end of either ends it",
    "teleward_gateway/access/lan.py": "the servers of the local network, ended with it",
    "teleward_gateway/api/repeats.py": "one request, awaited by all who repeat it",
    "teleward_gateway/api/stream.py": "one page; its end closes it",
    "teleward_gateway/classroom/api/class_streams.py": "one page; its end closes it",
    "teleward_gateway/classroom/classes/service.py": "the devices of one room",
    "teleward_gateway/classroom/mount.py": "the opening that a disk refused; the stop awaits it",
    "teleward_gateway/exporting/jobs.py": "one export; what it ends with is its state",
    "teleward_gateway/process/child_processes.py": "waits for children, awaited there",
    "teleward_gateway/process/watchdog.py": "feeds the watchdog; its end restarts the gateway",
    "teleward_gateway/remote_commands/receiver.py": "one command, answered there",
    "teleward_gateway/sessions/connection.py": "one link; a failure ends the link",
    "teleward_gateway/sessions/preview.py": "one look at a device; it ends with who looks",
    "teleward_gateway/ward/loss_notice.py": "one small file; the stop waits for it",
    "teleward_gateway/ward/reconciler.py": "one change; a failure is noted",
}
"""Files that start tasks of bounded life, which belong to what awaits them."""
COMMANDS = ("bench", "commands", "demo", "testing", "training")
"""Folders of other processes than the gateway."""
SUPERVISED = {
    "teleward_cloud/mqtt/link.py", "teleward_gateway/access/mount.py",
    "teleward_gateway/api/factory.py", "teleward_gateway/app.py",
    "teleward_gateway/classroom/start.py", "teleward_gateway/delivery/delivery.py",
    "teleward_gateway/delivery/sinks.py", "teleward_gateway/embedded_broker/broker.py",
    "teleward_gateway/sessions/bluez_agent.py", "teleward_gateway/sessions/commissioning.py",
    "teleward_gateway/sessions/manager.py",
}  # fmt: skip
"""Files that start the parts of `PARTS`."""


class Breaking(Supervisor):
    """A supervisor whose parts raise when a test wants it."""

    def __init__(self) -> None:
        super().__init__(first_wait_s=0.01)
        self.broken: dict[str, asyncio.Event] = {BRIEF: asyncio.Event()}
        self.broken[BRIEF].set()
        self.begun: Counter[str] = Counter()

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        event = self.broken.setdefault(name, asyncio.Event())

        async def breakable() -> None:
            self.begun[name] += 1
            running = asyncio.ensure_future(work())
            breaking = asyncio.ensure_future(event.wait())
            try:
                await asyncio.wait({running, breaking}, return_when=asyncio.FIRST_COMPLETED)
                if breaking.done():
                    event.clear()
                    raise RuntimeError(f"mistake in {name}")
                await running
            finally:
                for task in (running, breaking):
                    task.cancel()
                await asyncio.gather(running, breaking, return_exceptions=True)

        await super().keep(name, breakable)


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    async def radio(adapter: str) -> Radio:
        return Radio("hci9")  # BlueZ, as on a gateway; nobody answers here

    monkeypatch.setattr(parts_module, "Supervisor", Breaking)
    gateway = Gateway(parse(SETTINGS.format(folder=tmp_path)), radio)
    started = asyncio.Queue[Parts]()
    task = asyncio.create_task(gateway.run(started.put_nowait))
    getting = asyncio.create_task(started.get())
    try:
        await asyncio.wait({task, getting}, return_when=asyncio.FIRST_COMPLETED)
        yield getting.result()
    finally:
        gateway.stop()
        assert await task == 0


async def until(condition: Callable[[], bool], what: str, within_s: float = 60.0) -> float:
    """Wait for ``condition``; return how long it took."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < within_s, what
        await asyncio.sleep(0.02)
    return time.monotonic() - began_s


async def fail(running: Parts, supervisor: Breaking, name: str, children: set[str]) -> None:
    """Make one part raise once."""

    def is_named() -> bool:
        report = running.health.report()
        return f"mistake in {name}" in str(report["parts"]["parts"]["error"])

    await until(lambda: set(supervisor.begun) >= children, f"parts of {name}")
    before = Counter(supervisor.begun)
    supervisor.broken[name].set()
    if name == "scan for a page":
        with suppress(Exception):
            running.commissioning.found()  # it ends by itself without a radio
    await until(is_named, f"health names {name}")
    assert running.health.report()["status"] != "ok"
    again = {name, *children}
    await until(lambda: all(supervisor.begun[n] > before[n] for n in again), f"{name} goes on")
    others = supervisor.begun - before
    assert set(others) <= again, f"{name} harms {others}"


async def test_each_part_raises_once_and_the_others_go_on(
    running: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = running.supervisor
    assert isinstance(supervisor, Breaking)
    with suppress(Exception):
        running.commissioning.found()
    await until(lambda: len(supervisor.begun) > len(PARTS), "all parts run")
    rows = {*PARTS, BRIEF}
    assert set(supervisor.begun) == rows, "a part without a row, or a row without its part"
    await until(lambda: supervisor.begun[BRIEF] == 2, "a brief part begins again")
    for name, children in PARTS.items():
        caplog.clear()
        await fail(running, supervisor, name, children)
        assert any(
            record.levelno >= logging.ERROR and record.getMessage().startswith(f"{name} failed")
            for record in caplog.records
        )
    for probe in ("tick:ward", "tick:live", "tick:signals"):
        assert running.health.report()["parts"][probe]["ok"], probe


async def test_no_tick_waits_for_the_disk(running: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    store = running.ingest.readings.store
    loop_thread, real_fsync, real_flush = threading.current_thread(), os.fsync, store.flush
    synced: list[threading.Thread] = []
    flushes: list[threading.Thread] = []

    def fsync(handle: int) -> None:
        synced.append(threading.current_thread())
        time.sleep(1.5)
        real_fsync(handle)

    def flush() -> bool:
        with store._writing:
            flushes.append(threading.current_thread())
            time.sleep(1.5)
        return real_flush()

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(store, "flush", flush)
    state = running.ingest.state
    deadline_s = time.monotonic() + 5.0
    while time.monotonic() < deadline_s:
        on = len(synced) % 2 == 0
        state.technical("anna", "link_lost:ox", on, "lost")
        store.keep_known("ox", f"{time.monotonic_ns()}")
        await asyncio.sleep(0.05)
        assert running.heartbeat.health()["silent_s"] < 2.9
    assert synced, "the alarm file was written meanwhile"
    assert flushes, "readings were written meanwhile"
    assert loop_thread not in synced
    assert loop_thread not in flushes
    monkeypatch.undo()


def test_every_task_belongs_to_a_part_or_to_what_awaits_it() -> None:
    starts = ("create_task", "ensure_future")
    unknown, found = [], set()
    for package in (teleward_gateway, teleward_cloud, teleward_drivers):
        folder = Path(package.__path__[0])
        for file in folder.rglob("*.py"):
            inside = file.relative_to(folder)
            if inside.parts[0] in COMMANDS:
                continue
            name = f"{folder.name}/{inside}"
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in starts:
                    found.add(name)
                    if name not in BOUNDED and name not in SUPERVISED:
                        unknown.append(f"{name}:{node.lineno}")
    assert unknown == [], "a task without an owner"
    assert found == BOUNDED.keys() | SUPERVISED, "a row without its task"
