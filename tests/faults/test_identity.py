"""A journal restored in the same boot, and two gateways of one name: nobody's records mix."""

import asyncio
import shutil
import time
from pathlib import Path

import pytest
from faultkit import (
    BILLS,
    FULL,
    Bill,
    Census,
    Server,
    all_records,
    drafts,
    drain,
    facts,
    open_journal,
)  # fmt: skip
from sink_kit import BUCKET, Gateway, running

from teleward_cloud.collector import Collector, MqttSource
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.mqtt import link
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Influx, Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import RecordId, RecordKind

STEPS = 100 if FULL else 10
SIMULATED = Provenance.SIMULATED


@pytest.mark.parametrize("how", ["over", "in place of"])
async def test_a_journal_restored_in_the_same_boot(
    tmp_path: Path, server: Server, how: str
) -> None:
    """New records get new identities, so the server stores them beside those of before."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    bill = Bill(f"restored {how} the journal, same boot", human=1, note="human: restored it")
    told, identities = set[tuple[object, ...]](), set[RecordId]()

    async def live(life: int) -> None:
        journal = open_journal(data)
        steps = range(life * STEPS, (life + 1) * STEPS)
        tickets = [journal.append(draft) for step in steps for draft in drafts(step)]
        identities.update(await journal.recorded(tickets))
        began_s = time.monotonic()
        await drain(journal, server.port)
        bill.recover_s = time.monotonic() - began_s
        records = await all_records(journal)
        bill.reported = journal.stats().lost.total
        bill.doubled = max(bill.doubled, Census().take(records).doubled, server.doubled)
        told.update(fact for record in records for fact in facts(record))
        journal.close()

    await live(0)
    shutil.copytree(data, backup)
    await live(1)
    if how == "in place of":
        shutil.rmtree(data)  # ext4 hands the same inode out again
    shutil.copytree(backup, data, dirs_exist_ok=True)
    await live(2)
    kept = {tuple(fact) for rows in server.rows.values() for fact in rows}
    bill.committed = bill.acknowledged = len(identities)
    bill.stored, bill.lost = len(server.rows), len(told - kept)
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, bill.reported) == (0, 0, 0)
    assert bill.committed == bill.stored


@pytest.mark.timeout(300)
async def test_two_gateways_of_one_name(
    tmp_path: Path, broker: Mosquitto, influx: Influx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both notice; nothing of either is lost; the one that gets another name goes on."""
    monkeypatch.setattr(link, "_LOOK_AFTER_S", 0.2)
    broker.start()
    influx.start()
    settings = MqttSettings(port=broker.port, confirm=Confirmation.STORAGE, confirm_timeout_s=3)
    source = MqttSource(settings, provenance=SIMULATED, group="collectors", client_id="c1")
    target = InfluxSink(InfluxSettings(url=influx.url), provenance=SIMULATED)
    collecting = asyncio.create_task(Collector(source, target).run())
    bill = Bill("two gateways of one name", human=1, note="human: gave one another name")
    sinks = [values_to(settings, "g1") for _ in range(2)]
    gateways = [Gateway(tmp_path / name, sink) for name, sink in zip("ab", sinks, strict=True)]
    journals = [gateway.journal for gateway in gateways]
    try:
        await source.connected.wait()
        async with running(gateways[0]):
            async with running(gateways[1]):
                async with asyncio.timeout(120):
                    while not all(sink.conflict for sink in sinks):
                        await asyncio.gather(*(gateway.feed(0.2) for gateway in gateways))
                assert "another gateway is named g1" in (sinks[1].conflict or "")
            await sinks[1].close()
            renamed = Gateway(tmp_path / "b", values_to(settings, "g2"), "g2")
            journals[1], began_s = renamed.journal, time.monotonic()
            async with running(renamed):
                await asyncio.gather(*(g.drained(120) for g in (gateways[0], renamed)))
                bill.recover_s = time.monotonic() - began_s
                wanted = {
                    (record.id.journal, record.id.seq + record.id.part)
                    for journal in journals
                    for record in await all_records(journal)
                }
                bill.acknowledged = sum(j.stats().sinks[0].acknowledged for j in journals)
                bill.reported = sum(j.stats().lost.total for j in journals)
        rows = [
            (row["gateway"], row["journal"], row["seq"] + row["part"])
            for name in ("numeric", "alarm")
            for row in influx.query(BUCKET, f"SELECT gateway, journal, seq, part FROM {name}")
        ]
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        influx.stop()
        broker.stop()
    there = {row[1:] for row in rows}
    bill.committed, bill.stored = len(wanted), len(rows)
    bill.lost, bill.doubled = len(wanted - there), len(rows) - len(set(rows))
    # what was under way when the name changed bears both names: its journal and number are the same
    bill.note += f"; {len(set(rows)) - len(there)} stored under both"
    BILLS.append(bill)
    assert (bill.lost, bill.doubled, bill.reported) == (0, 0, 0)


def values_to(settings: MqttSettings, name: str) -> MqttSink:
    """Return the sink of a gateway called ``name`` that takes no waveforms."""
    sink = MqttSink(settings, gateway=name, provenance=SIMULATED)
    sink.kinds = frozenset({RecordKind.MEASUREMENT, RecordKind.ALARM})
    return sink
