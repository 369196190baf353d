"""Records lost to damage: degraded and alarmed until a person has read it, over restarts too."""

import asyncio
import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from teleward_gateway.journal.audit import Audit
from teleward_gateway.journal.damage import Damaged
from teleward_gateway.journal.database import connect
from teleward_gateway.parts import Parts
from teleward_gateway.testing.running_gateway import running
from teleward_gateway.ward.loss_notice import CONDITION, LossNotice
from teleward_gateway.ward.ward_state import WardState
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.record import Draft, RecordKind

SETTINGS = """
[gateway]
name = "test"
mode = "simulated"
data_folder = "{folder}"
[embedded_broker]
enabled = false
[api]
port = 0
[[subjects]]
id = "anna"
bed = "bed-1"
"""


async def live(folder: Path, act: Callable[[Parts], Awaitable[None]]) -> None:
    """Run one gateway from start to orderly stop, and ``act`` in between."""
    async with running(SETTINGS.format(folder=folder)) as gateway:
        assert gateway.view.ready
        await act(gateway)


def conditions(gateway: Parts) -> list[str]:
    return [event.condition for event in gateway.view.alarms("anna")]


async def test_losses_degrade_health_until_somebody_has_read_of_them(tmp_path: Path) -> None:
    """220,641 lost records left health ok, and nobody saw it."""

    async def record(gateway: Parts) -> None:
        assert gateway.losses.health()["ok"]
        for n in range(40):
            draft = Draft(RecordKind.MEASUREMENT, "anna", "ox", "spo2", payload={"value": n})
            gateway.journal.append(draft)
        assert await gateway.journal.flush()

    await live(tmp_path, record)
    file = tmp_path / "simulated" / "simulated.sqlite3"
    database = connect(file)
    database.execute("UPDATE light SET data = zeroblob(length(data))")
    database.close()
    lost = 0

    async def unread(gateway: Parts) -> None:
        nonlocal lost
        async with asyncio.timeout(20):
            while not (lost := gateway.losses.unread):
                with contextlib.suppress(sqlite3.Error, Damaged):  # met by whoever reads
                    await gateway.journal.history("anna", "spo2", 0, 2**62)
                await gateway.journal.flush()
                await asyncio.sleep(0.1)
        gateway.losses.tick()
        assert lost > 0
        report = gateway.health.report()
        assert report["status"] == "degraded"
        assert f"{lost} records lost" in report["parts"]["losses"]["error"]
        assert CONDITION in conditions(gateway)

    await live(tmp_path, unread)

    async def acknowledge(gateway: Parts) -> None:
        gateway.losses.tick()
        assert gateway.losses.unread >= lost
        await gateway.view.acknowledge("anna", CONDITION, "nurse")
        gateway.losses.tick()
        assert gateway.losses.health() == {"ok": True, "error": None, "unread_records": 0}
        assert CONDITION not in conditions(gateway)
        assert gateway.losses.read("nurse") == 0
        assert await gateway.journal.flush()
        audit = await gateway.journal.read(None, frozenset({RecordKind.AUDIT}), 1000)
        notes = [json.dumps(record.payload) for record in audit.records]
        assert sum("read of lost records" in note for note in notes) == 1

    await live(tmp_path, acknowledge)

    async def read(gateway: Parts) -> None:
        gateway.losses.tick()
        assert gateway.losses.health()["ok"]
        assert CONDITION not in conditions(gateway)

    await live(tmp_path, read)


async def test_a_disk_that_hangs_holds_neither_the_tick_nor_the_stop(tmp_path: Path) -> None:
    path, returned, late = tmp_path / "losses.json", threading.Event(), []
    os.mkfifo(path.with_suffix(".new"))  # a file whose opening waits, as on a dead disk
    drafts: list[Draft] = []
    board = AlarmBoard()
    notice = LossNotice(
        path, lambda: 3, lambda: [], board, cast(WardState, None), Audit(drafts.append)
    )

    def disk() -> None:
        late.append(not returned.wait(10))
        assert json.loads(path.with_suffix(".new").read_text()) == {"read": 3}

    answering = threading.Thread(target=disk)
    answering.start()
    assert notice.read("nurse") == 3
    assert notice.health()["ok"]
    returned.set()
    await notice.close()
    await asyncio.to_thread(answering.join)
    assert late == [False]
    assert [draft.kind for draft in drafts] == [RecordKind.AUDIT]
