"""What the fault tests share: a workload whose records prove themselves, a server, and the bill.

    worker process: Journal + Delivery --TCP, one JSON line a batch--> Server (this process)
         |  "C start stop" on stdout after every commit                 stores by identity, answers
         v
    a fault happens to the process, its disk, its clock or the server

Every value and every sample is numbered, so what is missing or doubled is counted, not guessed.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from teleward_cloud.sink import Delivery as Answer
from teleward_cloud.sink import SinkCounters
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery, DeliveryConfig
from teleward_gateway.journal import Journal, JournalConfig
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordId, RecordKind

FULL = os.environ.get("TELEWARD_FAULTS") == "full"
KINDS = frozenset(RecordKind)
STREAMS = 3
BLOCK = 50
QUICK = JournalConfig(commit_interval_s=0.25, acknowledge_interval_s=0.5, span_s=2.0)


@dataclass(slots=True)
class Bill:
    """One row of the table."""

    fault: str
    committed: int = 0
    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    reported: int = 0
    doubled: int = 0
    recover_s: float = 0.0
    human: int = 0
    note: str = ""


BILLS: list[Bill] = []
BEGAN_S = time.monotonic()
PROGRESS_S = 15.0  # between two lines about one fault
_told = {"at": BEGAN_S}


def say(text: str) -> None:
    """Report to who waits for the full run; replaced by ``conftest.py``."""


def progress(fault: str, done: int, of: int) -> None:
    """Report now and then how far a long fault has come."""
    now_s = time.monotonic()
    if now_s - _told["at"] >= PROGRESS_S:
        _told["at"] = now_s
        sys.modules[__name__].say(f"{fault}: {done} of {of}")


def drafts(step: int) -> list[Draft]:
    """Return what step ``step`` of the workload brings: values, an alarm now and then, waves."""
    found = [
        Draft(RecordKind.MEASUREMENT, f"bed-{s}", f"ox-{s}", "spo2", payload={"value": step})
        for s in range(STREAMS)
    ]
    if step % 10 == 0:
        found.append(Draft(RecordKind.ALARM, "bed-0", payload={"value": step, "text": "high"}))
    for s in range(STREAMS):
        index = step * BLOCK
        samples = ((np.arange(BLOCK) * 37 + index * 11) % 4001).astype("<i2").tobytes()
        payload = {"fs": 250.0, "scale": 0.005, "offset": 0.0, "index": index, "dtype": "int16"}
        found.append(
            Draft(RecordKind.WAVEFORM, f"bed-{s}", f"ecg-{s}", "ecg_ii", payload=payload,
                  samples=samples)
        )  # fmt: skip
    return found


def facts(record: Record) -> list[tuple[object, ...]]:
    """Return the facts a record tells, each of which exists once in the world."""
    if record.kind is RecordKind.WAVEFORM:
        first = record.payload["index"] // BLOCK
        blocks = len(record.samples) // 2 // BLOCK
        return [("wave", record.subject, first + i) for i in range(blocks)]
    if "value" in record.payload:
        return [(record.kind.value, record.subject, record.payload["value"])]
    return []


def true_samples(record: Record) -> bool:
    """Return whether the samples of a wave are those of the workload."""
    if record.kind is not RecordKind.WAVEFORM:
        return True
    blocks = len(record.samples) // 2 // BLOCK
    first = record.payload["index"] // BLOCK
    made = b"".join(drafts(first + i)[-1].samples for i in range(blocks))
    return made == record.samples


def open_journal(folder: Path, config: JournalConfig = QUICK, gateway: str = "g1") -> Journal:
    """Open the journal of the workload."""
    return Journal.open(
        folder,
        gateway=gateway,
        provenance=Provenance.SIMULATED,
        clock=GatewayClock(),
        config=config,
    )


async def all_records(journal: Journal) -> list[Record]:
    """Read a journal whole."""
    found: list[Record] = []
    after = 0
    while True:
        batch = await journal.read(after, KINDS, 5000)
        found += batch.records
        after = batch.through
        if not batch.records:
            return found


@dataclass(slots=True)
class Census:
    """What a reader of all records found."""

    numbers: set[int] = field(default_factory=set)
    facts: dict[tuple[object, ...], int] = field(default_factory=dict)
    false: int = 0

    def take(self, records: Sequence[Record]) -> "Census":
        """Count records."""
        for record in records:
            self.numbers.add(record.id.seq + record.id.part)
            self.false += not true_samples(record)
            for fact in facts(record):
                self.facts[fact] = self.facts.get(fact, 0) + 1
        return self

    @property
    def doubled(self) -> int:
        """Return how many facts are told more than once."""
        return sum(count - 1 for count in self.facts.values())


class Server:
    """A store in this process that answers batches; rows are keyed by identity, as in InfluxDB."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int, int], list[list[object]]] = {}
        self.received = 0
        self.refusing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        made = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24), self._loop
        )
        self._server = made.result()
        self.port = self._server.sockets[0].getsockname()[1]
        self._writers: set[asyncio.StreamWriter] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                batch = json.loads(line)
                if self.refusing:
                    writer.write(b"[]\n")
                    continue
                for gateway, journal, seq, part, told in batch:
                    self.rows[gateway, journal, seq, part] = told
                self.received += len(batch)
                writer.write(json.dumps([row[:4] for row in batch]).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    @property
    def doubled(self) -> int:
        """Return how many facts are stored in more than one row."""
        seen: dict[tuple[object, ...], int] = {}
        for told in list(self.rows.values()):
            for fact in told:
                seen[tuple(fact)] = seen.get(tuple(fact), 0) + 1
        return sum(count - 1 for count in seen.values())

    def numbers(self) -> set[int]:
        """Return the record numbers stored."""
        return {seq + part for _, _, seq, part in list(self.rows)}

    def close(self) -> None:
        """Stop serving."""

        async def stop() -> None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await asyncio.sleep(0)
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SocketSink:
    """The sink of the workload: every batch is one line, acknowledged by the server's answer."""

    kinds = KINDS
    max_batch = 500

    def __init__(self, port: int, name: str = "store") -> None:
        self._port, self.name = port, name
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect at the first batch."""

    async def send(self, batch: Sequence[Record], *, live: bool) -> Answer:
        """Send a batch and wait for the answer."""
        if not batch:
            return Answer()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
            reader, writer = self._streams
            rows = [[r.id.gateway, r.id.journal, r.id.seq, r.id.part, facts(r)] for r in batch]
            writer.write(json.dumps(rows).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
            if not line:
                raise ConnectionError("server closed")
        except OSError as error:
            await self.close()
            return Answer(error=str(error))
        return Answer(tuple(RecordId(*row) for row in json.loads(line)))

    def counters(self) -> SinkCounters:
        """Return nothing of interest."""
        return SinkCounters()

    async def close(self) -> None:
        """Disconnect."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def drain(journal: Journal, port: int, name: str = "store") -> Delivery:
    """Deliver everything that a journal owes."""
    delivery = Delivery(
        journal,
        SocketSink(port, name),
        DeliveryConfig(hold_s=0, first_retry_s=0.05, longest_retry_s=0.2),
    )
    task = asyncio.create_task(delivery.run())
    try:
        async with asyncio.timeout(60):
            while not journal.stats().sinks or journal.stats().sinks[0].pending:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return delivery


WORKERS: list["Worker"] = []
"""Those that may still run: whatever ends a run of tests ends them."""


class Worker:
    """The workload in a process of its own."""

    def __init__(
        self,
        folder: Path,
        port: int,
        first_step: int,
        environment: dict[str, str] | None = None,
        steps_per_s: float = 200,
    ) -> None:
        script = Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder), str(port), str(first_step),
             str(steps_per_s)],
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is for the tests: they end it
        )  # fmt: skip
        self.committed = 0
        self.steps = first_step
        WORKERS.append(self)

    def wait_for_commits(self, count: int = 1) -> None:
        """Wait until some commits were told."""
        assert self.process.stdout is not None
        for _ in range(count):
            self._read(self.process.stdout.readline())

    def read_rest(self) -> None:
        """Read what a stopped or ended process had told."""
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        for line in (self.process.stdout.read() or b"").splitlines(keepends=True):
            if line.endswith(b"\n"):
                self._read(line)

    def _read(self, line: bytes) -> None:
        word, stop, step = line.split()
        assert word == b"C", line
        self.committed, self.steps = int(stop), int(step)

    def kill(self) -> None:
        """End the process at once and read what it had told."""
        WORKERS.remove(self)
        self.process.kill()
        self.process.wait()
        self.read_rest()
        assert self.process.stdout is not None
        self.process.stdout.close()
