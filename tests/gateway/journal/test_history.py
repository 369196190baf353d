"""History page by page: every record once, in order, at a cost that does not grow with depth."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.api.observations import cursor, read_cursor
from teleward_gateway.api.view import HistoryQuery
from teleward_gateway.api_view import ApiView
from teleward_gateway.clock import GatewayClock
from teleward_gateway.clock.corrections import Correction
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.reader import Reader
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordKind

S = 1_000_000_000
N = 300


def open_journal(folder: Path) -> Journal:
    return Journal.open(
        folder, gateway="g", provenance=Provenance.FIELD, clock=GatewayClock(),
        config=JournalConfig(commit_interval_s=0.25, span_s=0),
    )  # fmt: skip


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = open_journal(tmp_path)
    yield opened
    opened.close()


async def fill(journal: Journal) -> None:
    """Record values, some at the same time, some late, a span every ten."""
    for first in range(0, N, 10):
        for n in range(first, first + 10):
            time_ns = (n // 2 if n % 7 else max(0, n - 40)) * S
            payload = {"value": n}
            journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", time_ns, 0, payload))
        await journal.flush()


class Admitted:
    """A registry that knows everybody."""

    def subject(self, name: str) -> None:
        """Find a subject."""


def view_of(journal: Journal) -> ApiView:
    none: Any = None
    registry: Any = Admitted()
    return ApiView(
        settings=none, health=none, clock=GatewayClock(), journal=journal, audit=none,
        registry=registry, commissioning=none, board=none, live=none, ingest=none, readings=none,
    )  # fmt: skip


async def pages(view: ApiView, limit: int, *, timed: bool = True) -> list[list[Record]]:
    """Follow the cursors to the end."""
    found: list[list[Record]] = []
    text = None
    while True:
        after, after_ns = read_cursor(text)
        query = HistoryQuery("bed", "spo2", limit=limit, after=after, after_ns=after_ns)
        page = list(await view.history(query))
        if not page:
            return found
        found.append(page)
        text = cursor(page[-1])
        if not timed:  # as older pages gave it
            text = text.rpartition(".")[0]


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("limit", [7, 100])
async def test_every_record_once_and_in_order(journal: Journal, limit: int, timed: bool) -> None:
    await fill(journal)
    whole = await journal.history("bed", "spo2", 0, 2**62)
    assert len(whole) == N
    found = await pages(view_of(journal), limit, timed=timed)
    assert [record for page in found for record in page] == whole
    assert {len(page) for page in found[:-1]} == {limit}


async def test_a_deep_page_costs_no_more_than_the_first(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(journal)
    opened: list[int] = []
    plain = Reader._open

    def counting(self: Reader, table: str, seq: int, *rest: Any) -> Any:
        opened.append(seq)
        return plain(self, table, seq, *rest)

    monkeypatch.setattr(Reader, "_open", counting)
    view, costs, text = view_of(journal), [], None
    while True:
        opened.clear()
        after, after_ns = read_cursor(text)
        page = await view.history(HistoryQuery("bed", "spo2", limit=10, after=after,
                                               after_ns=after_ns))  # fmt: skip
        if not page:
            break
        costs.append(len(opened))
        text = cursor(page[-1])
    # late values make a span reach back; each page still opens a few spans' rows, not all
    assert max(costs) <= N // 20, "of thirty rows"


async def test_a_page_goes_on_when_its_last_record_is_gone(journal: Journal) -> None:
    await fill(journal)
    view = view_of(journal)
    first = await view.history(HistoryQuery("bed", "spo2", limit=5))
    last = first[-1]
    gone = HistoryQuery("bed", "spo2", limit=5, after=(last.id.seq, 9999), after_ns=last.time_ns)
    assert (await view.history(gone))[0].time_ns >= last.time_ns
    assert await view.history(HistoryQuery("bed", "spo2", after=(10**9, 0))) == []


async def test_a_corrected_clock_leaves_pages_whole_and_cheap(journal: Journal) -> None:
    begin = GatewayClock().now()
    for n in range(40):
        journal.append(Draft(RecordKind.MEASUREMENT, "bed", "ox", "spo2", payload={"value": n}))
        await journal.flush()
    view = view_of(journal)
    first = list(await view.history(HistoryQuery("bed", "spo2", limit=20)))
    until_ns = GatewayClock().now().monotonic_ns
    journal.correct(Correction(begin.boot, begin.monotonic_ns, until_ns, 3600 * S))
    await journal.flush()
    after, after_ns = read_cursor(cursor(first[-1]))
    rest = await view.history(HistoryQuery("bed", "spo2", limit=50, after=after, after_ns=after_ns))
    assert [r.payload["value"] for r in (*first, *rest)] == list(range(40))
    assert rest[0].time_ns - first[-1].time_ns > 3600 * S


async def test_pages_and_a_backlog_go_on_over_restarts(tmp_path: Path) -> None:
    """Each start gives a journal id of its own; what lies before it stays whole, each page too."""
    kinds = frozenset({RecordKind.MEASUREMENT})
    cursors: list[str] = []
    for run in range(3):
        journal = open_journal(tmp_path)
        await journal.register("sink", kinds)
        await fill(journal)
        first = await view_of(journal).history(HistoryQuery("bed", "spo2", limit=50))
        cursors.append(cursor(first[-1]))
        journal.acknowledge("sink", [first[0].id])
        await journal.flush()
        assert journal.stats().sinks[0].pending == N * (run + 1) - 1
        journal.close()
    journal = open_journal(tmp_path)
    await journal.register("sink", kinds)
    try:
        whole = await journal.history("bed", "spo2", 0, 2**62)
        assert len({record.id.journal for record in whole}) == 3
        assert sorted(record.payload["value"] for record in whole) == sorted([*range(N)] * 3)
        found = await pages(view_of(journal), 100)
        assert [record for page in found for record in page] == whole
        for text in cursors:  # of pages that were open over the restarts
            after, after_ns = read_cursor(text)
            query = HistoryQuery("bed", "spo2", limit=3 * N, after=after, after_ns=after_ns)
            rest = await view_of(journal).history(query)
            assert list(rest) == whole[-len(rest) :]
            assert len(rest) > 2 * N
        batch = await journal.read(None, kinds, 10_000)
        assert len(batch.records) == 3 * N
        assert journal.stats().sinks[0].pending == 3 * N - 1
    finally:
        journal.close()
