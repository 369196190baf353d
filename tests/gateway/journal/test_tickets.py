"""Tickets of appended records: they resolve at the commit, or are refused for good."""

import asyncio
import errno

import numpy as np
import pytest

from teleward_gateway.journal.drafts import waveform_draft
from teleward_gateway.journal.writer import Writer
from teleward_gateway.testing.journal_kit import Open, value
from teleward_signal.errors import Unavailable
from teleward_signal.model import SampleBlock
from teleward_signal.record import RecordKind

KINDS = frozenset(RecordKind)
S = 1_000_000_000


async def test_tickets_resolve_to_the_identities_of_their_records(opened: Open) -> None:
    """Two values of one moment and author are told apart, and blocks that join share a record."""
    journal = opened()
    samples = np.arange(50, dtype=np.int16)
    blocks = [
        SampleBlock("ecg_ii", 250.0, samples, 0.005, index=50 * n, time_ns=S + n * S // 5)
        for n in range(2)
    ]
    drafts = [value(96.0), *(waveform_draft("bed", "patch", block) for block in blocks)]
    tickets = [journal.append(draft) for draft in [*drafts, value(97.0), value(97.0)]]
    assert [ticket.identity for ticket in tickets] == [None] * 5
    found = await journal.recorded(tickets)
    assert found == [ticket.identity for ticket in tickets]
    first, wave, joined, second, third = found
    assert wave == joined
    assert len({first, wave, second, third}) == 4
    batch = await journal.read(None, KINDS, 100)
    kept = {record.id: record for record in batch.records}
    assert [kept[i].payload.get("value") for i in (first, second, third)] == [96.0, 97.0, 97.0]
    assert kept[wave].metric == "ecg_ii"


async def test_the_ticket_of_a_record_that_was_given_up_is_refused(opened: Open) -> None:
    journal = opened()
    good = journal.append(value(96.0))
    poison = journal.append(value(97.0, note=object()))
    with pytest.raises(Unavailable, match="cannot be written"):
        await journal.recorded([good, poison])
    assert good.identity is not None
    assert poison.identity is None
    assert journal.stats().lost.total == 1


async def test_a_record_that_was_refused_does_not_appear_later(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tries on a full disk were three records once there was room again."""
    journal = opened()
    await journal.flush()
    write = Writer._write

    def full(self: Writer, *arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Writer, "_write", full)
    device = journal.append(value(1))  # of a device: it waits for room
    for _ in range(3):
        with pytest.raises(Unavailable, match="nothing of this was kept"):
            await journal.recorded([journal.append(value(2))])
    with pytest.raises(Unavailable):
        journal.check_writable()
    monkeypatch.setattr(Writer, "_write", write)
    async with asyncio.timeout(10):
        while not await journal.flush():
            await asyncio.sleep(0.05)
    journal.check_writable()
    [third] = await journal.recorded([journal.append(value(3))])
    records = (await journal.read(None, KINDS, 100)).records
    assert [record.payload["value"] for record in records] == [1, 3]
    assert (device.identity, third) == tuple(record.id for record in records)
    assert journal.stats().lost.total == 0


async def test_a_record_whose_commit_had_begun_is_not_refused(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commit fails; the next one holds it before it can be withdrawn."""
    journal = opened()
    await journal.flush()
    flush, flushes = journal.flush, 0

    async def failing_once() -> bool:
        nonlocal flushes
        flushes += 1
        return False if flushes == 1 else await flush()

    monkeypatch.setattr(journal, "flush", failing_once)
    ticket = journal.append(value(1))
    monkeypatch.setattr("teleward_gateway.journal.writer.is_withdrawn", lambda entry: False)
    assert await journal.recorded([ticket]) == [ticket.identity]
    assert len((await journal.read(None, KINDS, 100)).records) == 1
