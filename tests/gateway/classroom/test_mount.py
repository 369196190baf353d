"""A classroom whose disk refuses it: one problem in health, opened as soon as it lets it."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from teleward_gateway.api.problems import add_problems
from teleward_gateway.classroom import mount
from teleward_gateway.classroom.events.log import EventLog
from teleward_gateway.live import LiveHub
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry import Registry
from teleward_gateway.settings.classroom import ClassroomSettings
from teleward_signal.model import Provenance


@pytest.mark.parametrize("what", ["no folder", "a log of a later version", "no room for a log"])
async def test_a_refusing_disk_delays_classes_only(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mount, "AGAIN_S", 0.05)
    folder = tmp_path / "rooms"
    if what == "no folder":
        hindrance = folder
        folder.write_text("a file where the folder must be")
    else:
        EventLog(folder).close()
        hindrance = folder / ("classroom.db-wal" if what == "no room for a log" else "later")
    if what == "no room for a log":
        hindrance.mkdir()  # SQLite can open none: as on a full disk
    elif what == "a log of a later version":
        with sqlite3.connect(folder / "classroom.db") as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
    app, probes = FastAPI(), dict[str, Any]()
    add_problems(app)
    registry = Registry(":memory:", Provenance.SIMULATED)
    settings, live = ClassroomSettings(enabled=True), LiveHub({"name": "test"})
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
    async with (
        mount.classroom(
            app, settings, folder, registry, live, probes.__setitem__, Supervisor().keep
        ),
        client,
    ):
        assert "no classes and rooms yet" in probes["classroom"]()["error"]
        assert (await client.get("/api/v1/cases")).status_code == 404
        if what == "a log of a later version":
            (folder / "classroom.db").unlink()
        elif hindrance.is_dir():
            hindrance.rmdir()
        else:
            hindrance.unlink()
        async with asyncio.timeout(20):
            while not probes["classroom"]()["ok"]:
                await asyncio.sleep(0.02)
        assert "/api/v1/rooms" in (await client.get("/openapi.json")).json()["paths"]
        assert (await client.get("/api/v1/rooms/ABCDEF")).status_code == 404
    assert not list(folder.glob("*.damaged*"))
    registry.close()
