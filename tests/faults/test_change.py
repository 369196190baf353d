"""Configuration changes and upgrades with a backlog: nothing is dropped, nothing comes twice."""

from pathlib import Path

import pytest
from faultkit import (
    BILLS,
    KINDS,
    QUICK,
    Bill,
    Census,
    Server,
    all_records,
    drafts,
    drain,
    facts,
    open_journal,
)  # fmt: skip

from teleward_gateway.journal import Journal, open_file
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.migrations import migrate
from teleward_gateway.journal.store import IDENTITY, SCHEMA, Store

STEPS = 60


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def backlog(folder: Path, first: int) -> int:
    """Leave records that no server has; return how many there are in all."""
    journal = open_journal(folder)
    for step in range(first, first + STEPS):
        for draft in drafts(step):
            journal.append(draft)
        await journal.flush()
    count = journal.next_number - 1
    journal.close()
    return count


async def deliver(
    bill: Bill, journal: Journal, server: Server, committed: int, name: str = "store"
) -> None:
    """Deliver what is owed and fill the bill in."""
    await drain(journal, server.port, name)
    census = Census().take(await all_records(journal))
    stats = journal.stats()
    bill.committed, bill.acknowledged = committed, stats.sinks[0].acknowledged
    bill.stored, bill.doubled = len(server.rows), max(census.doubled, server.doubled)
    bill.lost = len(set(range(1, committed + 1)) - server.numbers())
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, stats.lost.total) == (0, 0, 0)


async def test_sink_removed_and_added(tmp_path: Path, server: Server) -> None:
    count = await backlog(tmp_path, 0)
    journal = open_journal(tmp_path)
    await journal.register("store", KINDS)
    batch = await journal.read(None, KINDS, 100)
    journal.acknowledge("store", [record.id for record in batch.records])
    for r in batch.records:
        server.rows[r.id.gateway, r.id.journal, r.id.seq, r.id.part] = [list(f) for f in facts(r)]
    journal.close()
    await backlog(tmp_path, STEPS)  # a life in which no sink is configured
    journal = open_journal(tmp_path)
    assert len(Census().take(await all_records(journal)).numbers) == 2 * count
    assert journal.ranges("store") == [(1, 101)]
    await journal.register("store", KINDS)
    assert journal.stats().sinks[0].pending == 2 * count - 100
    await deliver(Bill("configuration changed, sink again"), journal, server, 2 * count)
    journal.close()


async def test_new_sink_from_now(tmp_path: Path) -> None:
    await backlog(tmp_path, 0)
    journal = open_journal(tmp_path)
    await journal.register("late", KINDS, from_now=True)
    assert journal.stats().sinks[0].pending == 0
    journal.append(drafts(STEPS)[0])
    await journal.flush()
    assert journal.stats().sinks[0].pending == 1
    journal.close()


async def test_version_1_is_taken_over(tmp_path: Path, server: Server) -> None:
    """The first version had no trends: its backlog is kept and its values are drawn."""
    count = await backlog(tmp_path, 0)
    store = Store(connect(tmp_path / "simulated.sqlite3"))
    store.run("DROP TABLE trend")
    store.write_state(IDENTITY, {**store.read_states()[IDENTITY], "schema": 1})
    store.database.close()
    journal = open_journal(tmp_path)
    await deliver(Bill("upgrade from version 1"), journal, server, count)
    first, *_ = await journal.history("bed-1", "spo2", 0, 2**62, limit=1)
    hour_ns = 3600 * 10**9
    line = await journal.trend("bed-1", "spo2", first.time_ns - hour_ns, first.time_ns + hour_ns)
    assert line.buckets is not None
    assert int(line.buckets.count.sum()) == STEPS
    journal.close()
    store = Store(connect(tmp_path / "simulated.sqlite3"))
    assert store.read_states()[IDENTITY]["schema"] == SCHEMA
    assert store.run("SELECT count(*) FROM trend")[0][0], "trends were made while it ran"
    store.database.close()


def refuse_newer(folder: Path) -> None:
    """Open a journal that is too new: it keeps nothing, says so and touches nothing."""
    journal = open_journal(folder)
    try:
        assert "nothing was changed" in str(journal.stats().problem)
    finally:
        journal.close()


async def test_a_newer_journal_is_left_alone_damaged_or_not(tmp_path: Path) -> None:
    """What an older Teleward cannot save it does not mend: its tables would drop the rest."""
    await backlog(tmp_path, 0)
    path = tmp_path / "simulated.sqlite3"
    store = Store(connect(path))
    store.write_state(IDENTITY, {**store.read_states()[IDENTITY], "schema": SCHEMA + 1})
    ((page,),) = store.run("SELECT rootpage FROM sqlite_master WHERE name = 'light'")
    ((page_bytes,),) = store.run("PRAGMA page_size")
    store.database.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * page_bytes : (page - 1) * page_bytes + 8] = b"\xff" * 8
    data[0] ^= 0xFF
    path.write_bytes(data)
    before = contents(tmp_path)
    refuse_newer(tmp_path)
    after = {name: data for name, data in contents(tmp_path).items() if ".repair" not in name}
    assert after == before


async def test_upgrade_keeps_the_backlog(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = await backlog(tmp_path, 0)

    def add_table(store: Store) -> None:
        store.run("CREATE TABLE note (seq INTEGER PRIMARY KEY, data BLOB NOT NULL)")

    new = SCHEMA + 1
    steps = {SCHEMA: add_table}
    with monkeypatch.context() as patched:
        patched.setattr(
            open_file,
            "migrate",
            lambda store: migrate(store, steps, new),
        )
        open_journal(tmp_path).close()
    before = contents(tmp_path)
    refuse_newer(tmp_path)
    assert contents(tmp_path) == before, "a refused downgrade touches nothing"
    monkeypatch.setattr(open_file, "migrate", lambda store: migrate(store, steps, new))
    journal = open_journal(tmp_path, QUICK)
    await deliver(Bill("upgrade with a backlog, downgrade refused"), journal, server, count)
    journal.close()
