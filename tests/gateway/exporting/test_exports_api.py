"""Exports by the API: a child process, its file, who ordered it, and what is refused."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from teleward_gateway.api.factory import create_app
from teleward_gateway.exporting.jobs import ExportJobs
from teleward_gateway.journal.audit import Audit
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Provenance
from teleward_signal.record import Draft

API = "/api/v1"
ORDER = {"author": "Ward sister", "format": "csv", "start_ns": BEGIN_NS, "end_ns": BEGIN_NS + NS}


@pytest.fixture
def audited() -> list[Draft]:
    return []


@pytest.fixture
async def client(
    filled: Any, tmp_path: Path, audited: list[Draft]
) -> AsyncIterator[httpx.AsyncClient]:
    made = Records(subject="sim-02")
    made.value(BEGIN_NS, "spo2", 97.0)
    made.value(BEGIN_NS + 2 * NS, "spo2", 96.0)
    filled(made)
    app = create_app(WardFeed(2))

    async def flush() -> None:
        return None

    app.state.exports = jobs = ExportJobs(
        tmp_path / "data", Provenance.SIMULATED, "gw", flush, Audit(audited.append)
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client
    await jobs.close()
    assert not (tmp_path / "data" / "simulated" / "exports").exists()


async def ended(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    while True:
        answer = (await client.get(f"{API}/exports/{name}")).json()
        if answer["state"] != "running":
            return dict(answer)
        await asyncio.sleep(0.05)


async def test_an_export_is_made_by_a_child_and_fetched_as_a_zip(
    client: httpx.AsyncClient, audited: list[Draft]
) -> None:
    answer = await client.post(f"{API}/subjects/sim-02/exports", json=ORDER)
    assert answer.status_code == 202, answer.text
    name = answer.json()["id"]
    found = await ended(client, name)
    assert (found["state"], found["share"], found["message"]) == ("done", 1.0, "")
    fetched = await client.get(f"{API}/exports/{name}/file")
    assert fetched.headers["content-type"] == "application/zip"
    assert found["file_name"] in fetched.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        assert json.loads(archive.read("export.json"))["records"] == {"measurement": 1}
        assert b"97.0" in archive.read("measurements.csv")
    (draft,) = audited
    assert (draft.subject, draft.payload["author"]) == ("sim-02", "Ward sister")
    assert (draft.payload["action"], draft.payload["format"]) == ("export records", "csv")
    assert [each["id"] for each in (await client.get(f"{API}/exports")).json()] == [name]
    assert (await client.delete(f"{API}/exports/{name}")).status_code == 204
    assert (await client.get(f"{API}/exports/{name}/file")).status_code == 404
    # what the command refuses is the message of the export
    nothing = ORDER | {"start_ns": BEGIN_NS + 9 * NS, "end_ns": BEGIN_NS + 10 * NS}
    answer = await client.post(f"{API}/subjects/sim-02/exports", json=nothing)
    name = answer.json()["id"]
    found = await ended(client, name)
    assert found["state"] == "refused"
    assert found["message"].startswith("no records of sim-02 from")
    assert (await client.get(f"{API}/exports/{name}/file")).status_code == 409


async def test_what_cannot_be_ordered_is_refused_at_once(
    client: httpx.AsyncClient, audited: list[Draft]
) -> None:
    for subject, order, status in (
        ("nobody", ORDER, 404),
        ("sim-02", ORDER | {"format": "pdf"}, 422),
        ("sim-02", ORDER | {"end_ns": BEGIN_NS}, 422),
    ):
        answer = await client.post(f"{API}/subjects/{subject}/exports", json=order)
        assert answer.status_code == status, answer.text
    assert audited == []
    names = [each["name"] for each in (await client.get(f"{API}/export-formats")).json()]
    assert {"csv", "wfdb", "edf", "parquet"} <= set(names)
