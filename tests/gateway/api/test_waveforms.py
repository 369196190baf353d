"""Any stretch of the record: what was recorded comes back in time, value and holes; notes on it."""

from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest

from teleward_gateway.api.factory import create_app
from teleward_gateway.api.wave_runs import channels_of
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

S = 1_000_000_000
SUBJECT = "/api/v1/subjects/sim-01"


def record(time_ns: int, counts: list[int], gap: int = 0, fs: float = 250.0) -> Record:
    payload = {"fs": fs, "scale": 0.001, "offset": 0.0, "index": 0, "dtype": "int16"}
    if gap:
        payload["gap_samples"] = gap
    samples = np.array(counts, "<i2").tobytes()
    return Record(
        RecordId("g", "j", 1, 0), RecordKind.WAVEFORM, Provenance.SIMULATED, time_ns, 0, 0, "b",
        "sim-01", "patch", "ecg_ii", payload, samples,
    )  # fmt: skip


def test_records_that_follow_each_other_are_one_run_and_a_hole_is_a_hole() -> None:
    second = list(range(250))
    (found,) = channels_of(
        [record(100 * S, second), record(101 * S + 10_000, second), record(103 * S, second)],
        100 * S, 110 * S,
    )  # fmt: skip
    assert [(run.time_ns, len(run.counts)) for run in found.runs] == [
        (100 * S, 500),
        (103 * S, 250),
    ]
    assert found.runs[0].period_ns == pytest.approx(4_000_040)  # as measured, not as promised
    (cut,) = channels_of([record(100 * S, second)], 100 * S + 40_000_000, 100 * S + 80_000_000)
    assert cut.runs[0].counts.tolist() == second[10:20]
    assert cut.runs[0].time_ns == 100 * S + 40_000_000
    lost = [record(100 * S, second), record(101 * S, second, gap=3)]
    assert len(channels_of(lost, 100 * S, 110 * S)[0].runs) == 2
    assert channels_of([record(100 * S, second)], 200 * S, 210 * S) == []


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    feed = WardFeed(1)
    for step in range(30):
        feed.waves(feed.beds[0], 1000 * S + step * S // 10, 0.1)
    transport = httpx.ASGITransport(create_app(feed))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


async def test_a_stretch_has_every_sample_once(client: httpx.AsyncClient) -> None:
    path = f"{SUBJECT}/waveforms?start_ns={1000 * S}&seconds=2"
    packed = await client.get(path)
    plain = await client.get(path, headers={"accept-encoding": "identity"})
    assert (packed.headers["content-encoding"], packed.text) == ("gzip", plain.text)
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    found = packed.json()
    rates = {each["metric"]: each["fs"] for each in found["channels"]}
    assert rates == {"ecg_ii": 250.0, "pleth": 125.0, "respiration": 62.5}
    (run,) = found["channels"][0]["runs"]
    assert (len(run["samples"]), run["time_ns"], found["complete"]) == (500, 1000 * S, True)
    assert found["kept_from_ns"] == 1000 * S - S // 10
    one = (await client.get(f"{path}&metric=pleth")).json()
    assert [each["metric"] for each in one["channels"]] == ["pleth"]
    nothing = (await client.get(f"{SUBJECT}/waveforms?start_ns={5 * S}")).json()
    assert (nothing["channels"], nothing["kept_from_ns"]) == ([], 1000 * S - S // 10)


async def test_a_note_can_be_about_a_span(client: httpx.AsyncClient) -> None:
    note = {"author": "nurse", "text": "Cough", "time_ns": 1001 * S, "until_ns": 1002 * S}
    assert (await client.post(f"{SUBJECT}/notes", json=note)).status_code == 201
    query = f"{SUBJECT}/timeline?start_ns={1000 * S}&end_ns={1003 * S}"
    (kept,) = (await client.get(query)).json()
    assert (kept["text"], kept["author"]) == ("Cough", "nurse")
    assert (kept["time_ns"], kept["until_ns"]) == (1001 * S, 1002 * S)
    backwards = await client.post(f"{SUBJECT}/notes", json={**note, "until_ns": 1})
    assert backwards.status_code == 422


@pytest.mark.parametrize(
    ("query", "status"), [("metric=spo2", 422), ("seconds=71", 422), ("metric=ecg", 422)]
)
async def test_what_is_no_stretch_is_refused(
    client: httpx.AsyncClient, query: str, status: int
) -> None:
    assert (await client.get(f"{SUBJECT}/waveforms?{query}")).status_code == status
    assert (await client.get("/api/v1/subjects/nobody/waveforms")).status_code == 404
