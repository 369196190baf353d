"""The backlog of the delivery benchmark: what hours without a broker leave behind, delivered.

The backlog is written straight into the journal's tables, a row a second and a span a minute as
the writer does it, but in large transactions instead of a sync for each commit. Then a gateway's
own journal and delivery send it, while eight patients go on.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.connection import Incoming, MqttConnection
from teleward_cloud.mqtt.settings import Bundle, MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.bench import delivery_load as load
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery import Delivery
from teleward_gateway.journal import Journal
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.row import Origin, Row, build_row
from teleward_gateway.journal.spans import Span, count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_signal.model import Provenance
from teleward_signal.record import Draft

_SPAN_ROWS = 60  # a minute of commits
_NS = 1_000_000_000


_DAY_S = 86_400
_FEW_SECONDS = 5
"""Live records are pending for a moment, too: the backlog is done when no more than that remain."""


async def drain(port: int, hours: float, folder: Path, n_subjects: int) -> dict[str, float]:
    """Deliver a backlog to the broker at ``port``; time it, and live records meanwhile."""
    seconds = load.drafts(round(hours * 3600), time.time_ns(), n_subjects)
    await asyncio.to_thread(fill, folder, seconds)
    start_s = time.monotonic()
    journal = await asyncio.to_thread(open_journal, folder)
    opened_s = time.monotonic() - start_s
    settings = MqttSettings(port=port, bundle=Bundle.SUBJECT)
    sink = MqttSink(settings, gateway="bench", provenance=Provenance.SIMULATED)
    listener = _LiveListener(port, sink)
    await listener.start()
    start_s = time.monotonic()
    tasks = [
        asyncio.create_task(_keep_appending(journal, n_subjects)),
        asyncio.create_task(Delivery(journal, sink).run()),
    ]
    few = _FEW_SECONDS * n_subjects * len(load.METRICS)
    while not (sinks := journal.stats().sinks) or sinks[0].pending > few:
        await asyncio.sleep(0.1)
    took_s = time.monotonic() - start_s
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await listener.stop()
    await asyncio.to_thread(journal.close)
    delays_s = sorted(listener.delays_s) or [float("nan")]
    return {
        "hours": hours,
        "messages": round(hours * 3600) * n_subjects,
        "seconds": took_s,
        "opened_s": opened_s,
        "day_minutes": took_s / (hours * 3600) * _DAY_S / 60,
        "live_messages": len(listener.delays_s),
        "live_p50_s": delays_s[len(delays_s) // 2],
        "live_p95_s": delays_s[int(0.95 * (len(delays_s) - 1))],
        "live_longest_s": delays_s[-1],
    }


async def _keep_appending(journal: Journal, n_subjects: int) -> None:
    """Append what the patients give each second."""
    while True:
        (drafts,) = load.drafts(1, time.time_ns() + _NS, n_subjects)
        for draft in drafts:
            journal.append(draft)
        await asyncio.sleep(1.0)


class _LiveListener:
    """Receives live messages and notes how old they are."""

    def __init__(self, port: int, sink: MqttSink) -> None:
        self.delays_s: list[float] = []
        self._topic = f"{sink.topics.base}/live/#"
        self._connection = MqttConnection(
            MqttSettings(port=port),
            client_id="bench-listener",
            version=MqttVersion.V5,
            on_message=self._received,
        )

    async def start(self) -> None:
        await self._connection.connect()
        await self._connection.subscribe(self._topic)

    async def stop(self) -> None:
        await self._connection.close()

    def _received(self, message: Incoming) -> None:
        (first, *_) = payload.decode(message.payload)
        self.delays_s.append((time.time_ns() - first.time_ns) / 1e9)


def open_journal(folder: Path) -> Journal:
    """Open the benchmark's journal."""
    return Journal.open(
        folder, gateway="bench", provenance=Provenance.SIMULATED, clock=GatewayClock()
    )


def fill(folder: Path, seconds: Iterator[list[Draft]]) -> None:
    """Fill a new journal in ``folder`` with a commit for each of ``seconds``."""
    journal = open_journal(folder)
    identity = journal.stats().journal
    journal.close()
    origin = Origin("bench", identity, "5eed5eed5eed5eed", Provenance.SIMULATED)
    store = Store(connect(folder / f"{Provenance.SIMULATED.value}.sqlite3"))
    with contextlib.closing(store.database):
        number = 1
        while minute := list(islice(seconds, _SPAN_ROWS)):
            number = _write_minute(store, origin, minute, number)


def _write_minute(store: Store, origin: Origin, minute: list[list[Draft]], number: int) -> int:
    """Write the rows of a minute and their span; return the next number."""
    rows: list[Row] = []
    span: Span | None = None
    for drafts in minute:
        entries = [_entry(draft) for draft in drafts]
        row = build_row(entries, number, origin)
        rows.append(row)
        span = count_row(span, row, Counter(entry.kind for entry in entries))
        number += row.count
    with Transaction(store.database):
        store.insert(rows)
        assert span is not None
        store.write_span(span)
    return number


def _entry(draft: Draft) -> Entry:
    time_ns = draft.time_ns or 0
    return Entry(
        draft.kind, draft.subject, draft.device, draft.metric,
        time_ns, draft.uncertainty_ns, time_ns % (86_400 * _NS), draft.payload, draft.samples,
    )  # fmt: skip
