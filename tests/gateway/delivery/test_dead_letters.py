"""What a server refuses is listed, exported and sent again; what it refuses alike stays pending."""

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from teleward_cloud.sink import Delivery as Answer
from teleward_cloud.sink import Rejected, SinkCounters
from teleward_gateway.api.problems import add_problems
from teleward_gateway.api.sinks import router
from teleward_gateway.clock import GatewayClock
from teleward_gateway.commands import sinks as command
from teleward_gateway.delivery import Delivery, DeliveryConfig, delivery
from teleward_gateway.delivery.dead_letters import SinkControl
from teleward_gateway.delivery.sinks import Sinks
from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.audit import Audit
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.settings.model import Settings
from teleward_signal.errors import NotFound
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

CONFIG = JournalConfig(commit_interval_s=0.25, acknowledge_interval_s=0.3)
QUICK = DeliveryConfig(hold_s=0, first_retry_s=0.02, longest_retry_s=0.05)


class Server:
    """A server that refuses some values as bad and some for a cause of its own."""

    name = "store"
    kinds = frozenset({RecordKind.MEASUREMENT})
    max_batch = 4

    def __init__(self) -> None:
        self.poison: set[int] = set()
        self.blocked: set[int] = set()
        self.got: list[int] = []
        self.asked = 0
        self.retries = 0

    async def open(self) -> None:
        """Nothing to open."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Answer:
        """Answer value by value."""
        self.asked += bool(batch)
        bad = [r for r in batch if r.payload["value"] in self.poison]
        blocked = [r for r in batch if r.payload["value"] in self.blocked]
        good = [r for r in batch if r not in bad and r not in blocked]
        self.got += [r.payload["value"] for r in good]
        return Answer(
            tuple(r.id for r in good),
            tuple(Rejected(r.id, "poisoned") for r in bad),
            blocked=tuple(Rejected(r.id, "type conflict") for r in blocked),
            error="store refuses records: type conflict" if blocked else None,
        )

    def retry(self) -> None:
        """Note that a person asked."""
        self.retries += 1

    def counters(self) -> SinkCounters:
        """Nothing of interest."""
        return SinkCounters()

    async def close(self) -> None:
        """Nothing to close."""


class Bench:
    """A journal, one delivery, and what a person may do with it."""

    def __init__(self, folder: Path) -> None:
        self.server = Server()
        self.journal = Journal.open(
            folder, gateway="gw", provenance=Provenance.FIELD, clock=GatewayClock(), config=CONFIG
        )
        self.delivery = Delivery(self.journal, self.server, QUICK)
        audit = Audit(self.journal.append)
        settings, health = Settings(), HealthRegistry()
        sinks = Sinks(settings, self.journal, audit, {}, health, Supervisor())
        sinks.deliveries = {"store": self.delivery}
        self.control = SinkControl(self.journal, sinks, audit)
        self._task = asyncio.create_task(self.delivery.run())
        self.value = 0

    async def put(self, count: int) -> None:
        """Record values 0, 1, 2 ..."""
        for _ in range(count):
            payload = {"value": self.value}
            self.journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload=payload))
            self.value += 1
        await self.journal.flush()

    @property
    def pending(self) -> int:
        """How many records the server does not have."""
        stats = self.journal.stats().sinks
        return stats[0].pending if stats else -1

    async def until(self, pending: int) -> None:
        """Wait until so many records are pending."""
        async with asyncio.timeout(20):
            while self.pending != pending:
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Stop and close."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.journal.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path / "journal")
    await made.until(0)
    yield made
    await made.close()


async def test_a_dead_letter_is_listed_exported_and_sent_again(bench: Bench) -> None:
    bench.server.poison = {3, 7}
    await bench.put(10)
    await bench.until(0)
    letters = await bench.control.dead_letters("store")
    assert [letter.reason for letter in letters] == ["poisoned"] * 2
    exported = [line async for line in bench.control.export("store")]
    assert [line["record"]["value"] for line in exported] == [3, 7]
    assert exported[0]["record"]["subject"] == "bed"
    bench.server.poison = set()
    newest = letters[0]
    place = (newest.seq, newest.part)
    assert await bench.control.retry("store", [place], "nurse-7") == (1, 0)
    await bench.until(0)
    assert 7 in bench.server.got
    assert 3 not in bench.server.got
    assert await bench.control.retry("store", None, "nurse-7") == (1, 0)
    await bench.until(0)
    assert sorted(bench.server.got) == list(range(10)), "each once"
    assert await bench.control.dead_letters("store") == []
    assert bench.journal.stats().sinks[0].dead_letter == 0
    history = await bench.journal.history(None, None, 0, 2**62, kinds=frozenset({RecordKind.AUDIT}))
    assert [record.payload["author"] for record in history] == ["nurse-7", "nurse-7"]


async def test_sent_again_survives_a_restart(bench: Bench, tmp_path: Path) -> None:
    bench.server.poison = {0, 1}
    await bench.put(4)
    await bench.until(0)
    bench._task.cancel()
    await asyncio.gather(bench._task, return_exceptions=True)
    assert await bench.control.retry("store", None, "nurse-7") == (2, 0)
    bench.journal.close()
    again = Bench(tmp_path / "journal")
    await again.until(0)
    assert sorted(again.server.got) == [0, 1]
    assert await again.control.dead_letters("store") == []
    await again.close()


async def test_refused_again_is_a_dead_letter_again(bench: Bench) -> None:
    bench.server.poison = {1}
    await bench.put(2)
    await bench.until(0)
    assert await bench.control.retry("store", None, "nurse-7") == (1, 0)
    await bench.until(0)
    assert len(await bench.control.dead_letters("store")) == 1
    assert bench.journal.stats().sinks[0].dead_letter == 1


async def test_blocked_records_stay_pending_and_stop_nobody(bench: Bench) -> None:
    bench.server.blocked = set(range(0, 40, 2))
    await bench.put(20)
    await bench.put(20)
    await bench.until(20)
    assert sorted(bench.server.got) == list(range(1, 40, 2)), "what it takes goes on"
    assert await bench.control.dead_letters("store") == []
    asked = bench.server.asked
    await asyncio.sleep(0.5)
    assert bench.server.asked == asked, "not asked again and again"
    state = bench.control.sinks()["store"]
    assert state["blocked_records"] == 20
    assert state["error"] == "store refuses records: type conflict"
    assert not state["ok"]
    bench.server.blocked = set()
    await bench.control.retry("store", None, "nurse-7")
    await bench.until(0)
    assert bench.server.retries == 1
    assert sorted(bench.server.got) == list(range(40))
    await bench.put(1)
    await bench.until(0)
    assert bench.control.sinks()["store"]["ok"]


async def test_blocked_records_are_tried_again_by_themselves(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BLOCKED_S", (0.1, 0.2))
    bench.server.blocked = {0, 1, 2, 3, 4, 5, 6, 7}
    await bench.put(8)
    await asyncio.sleep(0.5)
    assert bench.pending == 8
    bench.server.blocked = set()
    await bench.until(0)
    assert sorted(bench.server.got) == list(range(8))


async def test_an_unknown_sink_is_named(bench: Bench) -> None:
    with pytest.raises(NotFound, match="there are: store"):
        await bench.control.dead_letters("mqtt")


@pytest.fixture
async def address(bench: Bench) -> AsyncIterator[str]:
    app = FastAPI()
    app.include_router(router, prefix="/api/v1")
    add_problems(app)
    app.state.sinks = bench.control
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


async def run(address: str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = parser.parse_args(["--address", address, *words])
    return await asyncio.to_thread(command.run, arguments)


async def test_the_command_line(
    bench: Bench, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.server.poison = {1, 2}
    await bench.put(3)
    await bench.until(0)
    assert await run(address, "status") == 0
    assert "store" in capsys.readouterr().out
    assert await run(address, "dead-letters", "store") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("poisoned")
    out = tmp_path / "letters.ndjson"
    assert await run(address, "dead-letters", "store", "--export", str(out)) == 0
    assert [json.loads(line)["record"]["value"] for line in out.read_text().splitlines()] == [1, 2]
    bench.server.poison = set()
    place = lines[0].split()[1]
    assert await run(address, "retry", "store", "--record", place, "--author", "n") == 0
    assert await run(address, "retry", "store") == 0
    await bench.until(0)
    assert sorted(bench.server.got) == [0, 1, 2]
    assert await run(address, "retry", "nowhere") == 1
    assert "no sink is named 'nowhere'" in capsys.readouterr().err
    assert await run(address, "retry", "store", "--record", "x") == 1
    assert "use SEQ:PART" in capsys.readouterr().err
