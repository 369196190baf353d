"""The InfluxDB sink against real servers: InfluxDB 1.6.7 behind the rewrite, VictoriaMetrics."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import numpy as np
import pytest

from teleward_cloud.influx.settings import InfluxSettings, Waveforms
from teleward_cloud.influx.sink import InfluxSink
from teleward_gateway.testing.servers import Influx, VictoriaMetrics
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

Make = Callable[..., Record]


@pytest.fixture
async def sink(influx: Influx) -> AsyncIterator[InfluxSink]:
    sink = InfluxSink(InfluxSettings(url=influx.url), provenance=Provenance.SIMULATED)
    await sink.open()
    yield sink
    await sink.close()


def waveform(record: Make, seq: int, samples: list[int], fs: float = 250.0) -> Record:
    payload = {"fs": fs, "dtype": "<i2", "scale": 0.005, "offset": 0.0, "index": 0}
    return record(
        seq,
        kind=RecordKind.WAVEFORM,
        metric="ecg_ii",
        payload=payload,
        samples=np.array(samples, "<i2").tobytes(),
    )


async def test_numerics_are_stored_once_with_identity(
    influx: Influx, sink: InfluxSink, record: Make
) -> None:
    batch = [record(seq, payload={"value": 90.0 + seq, "quality": 0.9}) for seq in range(8)]
    for _ in range(2):
        assert len((await sink.send(batch, live=True)).acknowledged) == 8
    rows = influx.query("teleward-sim", "SELECT * FROM numeric")
    assert len(rows) == 8
    assert [(row["value"], row["seq"], row["part"]) for row in rows] == [
        (90.0 + seq, seq, 0) for seq in range(8)
    ]
    expected = {"gateway": "ward-3", "journal": "9f86d081", "subject": "bed-1", "device": "ox-1"}
    assert expected.items() <= rows[0].items()
    assert rows[0]["simulated"] == "true"
    assert influx.query("teleward", "SELECT * FROM numeric") == []


async def test_a_new_journal_begins_no_new_series(
    influx: Influx, sink: InfluxSink, record: Make
) -> None:
    """Clinics with bad power get a journal a day; the server's index must not grow with them."""
    first = [
        record(1),
        record(2, kind=RecordKind.ANNOTATION, payload={"symbol": "V"}),
        record(3, kind=RecordKind.DEVICE, payload={"battery_percent": 80}),
    ]
    journals = [f"{number:08x}" for number in range(5)]
    batch = [
        replace(found, id=replace(found.id, journal=journal))
        for found in first
        for journal in journals
    ]
    for _ in range(2):
        assert len((await sink.send(batch, live=True)).acknowledged) == len(batch)
    assert len(influx.query("teleward-sim", "SHOW SERIES")) == len(first)
    for measurement in ("numeric", "annotation", "device"):
        rows = influx.query("teleward-sim", f"SELECT * FROM {measurement}")
        assert sorted(row["journal"] for row in rows) == journals


async def test_waveforms_of_two_journals_lie_beside_each_other(
    influx: Influx, record: Make
) -> None:
    """A recording played again into a new journal has the same times to the nanosecond."""
    settings = InfluxSettings(url=influx.url, waveforms=Waveforms.FULL)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    blocks = [waveform(record, 1, [1] * 300, fs=300.0), waveform(record, 1, [2] * 300, fs=300.0)]
    blocks[1] = replace(blocks[1], id=replace(blocks[1].id, journal="other"))
    for _ in range(2):
        assert len((await sink.send(blocks, live=True)).acknowledged) == 2
    rows = influx.query("teleward-sim", "SELECT value FROM waveform")
    assert [row["value"] for row in rows].count(0.005) == 300
    assert len(rows) == 600
    await sink.close()


async def test_awkward_names_are_understood(influx: Influx, sink: InfluxSink, record: Make) -> None:
    nasty = 'a,b=c d\\ "quoted"\nnext\\'
    named = record(1, subject=nasty, device=nasty, payload={"value": 1.0, "reason": nasty})
    assert (await sink.send([named], live=True)).acknowledged == (named.id,)
    (row,) = influx.query("teleward-sim", "SELECT * FROM numeric")
    assert row["subject"] == 'a,b=c d/ "quoted" next/'
    assert row["reason"] == 'a,b=c d\\ "quoted" next\\'


async def test_a_type_conflict_costs_only_its_own_record(
    influx: Influx, sink: InfluxSink, record: Make
) -> None:
    await sink.send([record(1, payload={"value": 1.0, "quality": 0.5})], live=True)
    batch = [record(seq) for seq in range(2, 10)]
    batch[3] = record(5, payload={"value": 1.0, "quality": "bad"})
    delivery = await sink.send(batch, live=True)
    assert [rejected.id.seq for rejected in delivery.rejected] == [5]
    assert influx.count("teleward-sim", "numeric") == 8


async def test_waveforms_are_samples_in_their_unit(influx: Influx, record: Make) -> None:
    settings = InfluxSettings(url=influx.url, waveforms=Waveforms.FULL)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    block = waveform(record, 1, list(range(-100, 150)))
    assert (await sink.send([block], live=True)).acknowledged == (block.id,)
    rows = influx.query("teleward-sim", "SELECT value FROM waveform")
    assert [row["value"] for row in rows] == pytest.approx([n * 0.005 for n in range(-100, 150)])
    assert rows[1]["time"] - rows[0]["time"] == 4_000_000
    await sink.close()


async def test_only_waveforms_around_alarms(influx: Influx, record: Make) -> None:
    settings = InfluxSettings(
        url=influx.url, waveforms=Waveforms.AROUND_ALARMS, before_alarm_s=3, after_alarm_s=2
    )
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    pending: set[RecordId] = set()
    for second in range(1, 21):
        batch = [waveform(record, second, [1, 2, 3], fs=3)]
        if second == 10:
            alarm = {"presence": "on", "priority": "high", "condition": "spo2_low"}
            batch.append(record(10, 1, kind=RecordKind.ALARM, payload=alarm))
        delivery = await sink.send(batch, live=True)
        pending |= {found.id for found in batch}
        pending -= {*delivery.acknowledged}
        assert pending >= set(delivery.held)
    assert {found.seq for found in pending} == {17, 18, 19, 20}, "held until an alarm could come"
    rows = influx.query("teleward-sim", "SELECT value FROM waveform")
    start_ns = record(0).time_ns
    seconds = {(row["time"] - start_ns) // 1_000_000_000 for row in rows}
    assert seconds == {7, 8, 9, 10, 11, 12}
    await sink.close()


async def test_held_records_come_back_when_their_write_fails(influx: Influx, record: Make) -> None:
    settings = InfluxSettings(url=influx.url, waveforms=Waveforms.AROUND_ALARMS)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    block = waveform(record, 1, [1, 2])
    assert (await sink.send([block], live=True)).held == (block.id,)
    influx.proxy.stop()
    alarm = record(2, kind=RecordKind.ALARM, payload={"presence": "on", "priority": "high"})
    delivery = await sink.send([alarm], live=True)
    assert delivery.forgotten == (block.id,)
    assert delivery.acknowledged == ()
    influx.proxy.start()
    again = await sink.send([block, alarm], live=True)
    assert set(again.acknowledged) == {block.id, alarm.id}
    await sink.close()


async def test_a_server_that_is_away_is_no_exception(
    influx: Influx, sink: InfluxSink, record: Make
) -> None:
    influx.stop()
    delivery = await sink.send([record(1)], live=True)
    assert delivery.acknowledged == ()
    assert delivery.error is not None


async def test_victoria_metrics_takes_numerics(
    victoria_metrics: VictoriaMetrics, record: Make
) -> None:
    settings = InfluxSettings(url=victoria_metrics.url)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    batch = [record(seq, payload={"value": 90.0 + seq}) for seq in range(5)]
    assert len((await sink.send(batch, live=True)).acknowledged) == 5
    (series,) = victoria_metrics.export("numeric_value")
    assert series["values"] == [90, 91, 92, 93, 94]
    assert series["metric"]["subject"] == "bed-1"
    assert series["metric"]["simulated"] == "true"
    await sink.close()


async def test_what_a_crash_took_is_sent_again(
    victoria_metrics: VictoriaMetrics, record: Make
) -> None:
    settings = InfluxSettings(url=victoria_metrics.url, in_doubt_s=15)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    batch = [record(seq, payload={"value": 90.0 + seq}) for seq in range(5)]
    delivery = await sink.send(batch, live=True)
    assert delivery.acknowledged == ()
    assert set(delivery.held) == {found.id for found in batch}
    victoria_metrics.kill()
    victoria_metrics.start()
    later = await sink.send([record(5, payload={"value": 95.0})], live=True)
    assert set(later.forgotten) == {found.id for found in batch}, "a new connection: it may be lost"
    await sink.send(batch, live=True)
    (series,) = victoria_metrics.export("numeric_value")
    assert sorted(set(series["values"])) == [90, 91, 92, 93, 94, 95]
    await sink.close()
