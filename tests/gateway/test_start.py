"""Starting: what is kept is private, and nothing refuses to start."""

import asyncio
import base64
import hashlib
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import aiohttp
import pytest

from teleward_gateway.app import Gateway
from teleward_gateway.clock import GatewayClock
from teleward_gateway.process.startup import listen, prepare_folder
from teleward_gateway.registry import Registry
from teleward_gateway.registry.model import Subject
from teleward_gateway.registry.opening import open_registry
from teleward_gateway.settings.load import parse
from teleward_gateway.testing.running_gateway import no_radio, running
from teleward_gateway.testing.servers import free_port
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_signal.engine.engine import Engine
from teleward_signal.model import Provenance


def test_what_is_kept_is_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "field"
    folder.mkdir(parents=True, mode=0o755)
    prepare_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def settings_of(folder: Path, port: int = 0) -> str:
    return f'[gateway]\nname = "g"\ndata_folder = "{folder}"\n[api]\nport = {port}\n'


async def test_a_registry_of_a_later_version_is_left_alone_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "field"
    folder.mkdir()
    registry = Registry(folder / "registry.sqlite", Provenance.FIELD)
    registry._connection.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
    registry.close()
    before = (folder / "registry.sqlite").read_bytes()
    async with running(settings_of(tmp_path)) as parts:
        part = parts.health.report()["parts"]["registry"]
        assert "upgrade Teleward" in part["error"]
        parts.registry.admit(Subject("anna", "Anna", Provenance.FIELD))
        assert [subject.id for subject in parts.registry.subjects()] == ["anna"]
    assert (folder / "registry.sqlite").read_bytes() == before


async def test_a_data_folder_that_cannot_be_made_still_shows_and_says(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder must be")
    async with running(settings_of(tmp_path / "data")) as parts:
        report = parts.health.report()
        assert report["status"] == "failing"
        assert "records cannot be written" in report["parts"]["journal"]["error"]
        parts.registry.admit(Subject("anna", "Anna", Provenance.FIELD, bed="bed-1"))
        (tmp_path / "data").unlink()  # what was in the way goes: it records as soon as it can
        async with asyncio.timeout(40):
            while parts.journal.stats().problem is not None:
                await asyncio.sleep(0.1)


def refuse(folder: Path, name: str) -> Path:
    """Return a copy of a database as a power cut leaves it, on a disk that opens no log for it."""
    copy = folder / "copy"
    copy.mkdir()
    for path in folder.glob(f"{name}*"):
        shutil.copyfile(path, copy / path.name)
    assert (copy / f"{name}-wal").stat().st_size > 0, "what was committed last is in the log"
    (copy / f"{name}-shm").unlink()
    (copy / f"{name}-shm").mkdir()
    return copy / name


async def test_what_a_full_disk_holds_is_read_and_written_back(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.sqlite", Provenance.FIELD)
    registry.admit(Subject("anna", "Anna", Provenance.FIELD, bed="bed-1"))
    path = refuse(tmp_path, "registry.sqlite")
    registry.close()
    found = open_registry(path, Provenance.FIELD, GatewayClock())
    assert [subject.bed for subject in found.subjects()] == ["bed-1"]
    assert "lost at the next start" in str(found.health()["error"])
    found.admit(Subject("ben", "Ben", Provenance.FIELD, bed="bed-2"))
    assert not found.write_out()
    path.with_name(f"{path.name}-shm").rmdir()  # there is room again
    assert found.write_out()
    assert found.health()["ok"]
    found.admit(Subject("cleo", "Cleo", Provenance.FIELD, bed="bed-3"))
    found.close()
    again = Registry(path, Provenance.FIELD)
    assert sorted(s.bed or "" for s in again.subjects()) == ["bed-1", "bed-2", "bed-3"]
    again.close()


def test_a_registry_of_a_later_version_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    registry = Registry(path, Provenance.FIELD)
    registry._connection.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
    registry.close()
    before = path.read_bytes()
    found = open_registry(path, Provenance.FIELD, GatewayClock())
    found.admit(Subject("ben", "Ben", Provenance.FIELD))
    assert found.write_out(), "there is nothing to wait for"
    assert not found.health()["ok"]
    found.close()
    assert path.read_bytes() == before


def test_readings_that_a_full_disk_holds_are_remembered_and_written_back(tmp_path: Path) -> None:
    first = ReadingStore(tmp_path / "readings.sqlite")
    first.keep_known("cuff", "1")
    assert first.flush()
    path = refuse(tmp_path, "readings.sqlite")
    first.close()
    store = ReadingStore(path)
    assert store.is_known("cuff", "1")
    store.keep_known("cuff", "2")
    assert not store.flush()
    path.with_name(f"{path.name}-shm").rmdir()
    assert store.flush()
    assert store.problem is None
    store.keep_known("cuff", "3")
    store.close()
    again = ReadingStore(path)
    assert all(again.is_known("cuff", key) for key in "123")
    again.close()


async def test_a_taken_port_delays_the_pages_only(tmp_path: Path) -> None:
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    async with running(settings_of(tmp_path, port)) as parts:
        part = parts.health.report()["parts"]["pages"]
        assert not part["ok"]
        assert str(port) in part["error"]
        taken.close()
        async with asyncio.timeout(40):
            while not parts.health.report()["parts"]["pages"]["ok"]:
                await asyncio.sleep(0.1)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/health/live") as answer,
        ):
            assert answer.status == 200


async def test_while_kernels_compile_health_answers_and_a_stop_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiling = threading.Event()
    monkeypatch.setattr(Engine, "warm", lambda *_: compiling.wait(60))
    port = free_port()
    gateway = Gateway(parse(settings_of(tmp_path, port)), no_radio)
    task = asyncio.create_task(gateway.run())
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session, asyncio.timeout(30):
        while True:
            try:
                async with session.get("/health/live") as answer:
                    assert answer.status == 200
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
        async with session.get("/api/v1/health") as answer:
            assert answer.status == 503
            assert (await answer.json())["status"] == "starting"
        async with session.get("/api/v1/subjects") as answer:
            assert (await answer.json())["title"] == "Starting"
        async with session.get("/ward") as answer:
            text = await answer.text()
            assert "Teleward is starting" in text
            style = text.partition("<style>")[2].partition("</style>")[0]
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            assert f"style-src 'sha256-{digest}';" in answer.headers["Content-Security-Policy"]
    gateway.stop()
    async with asyncio.timeout(10):
        assert await task == 0
    compiling.set()


def test_without_the_simulators_libraries_the_demo_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['bumble'] = None; "
        "from teleward_gateway.__main__ import main; sys.exit(main(['demo']))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("teleward: this needs bumble: pip install")
