"""Health, readiness and metrics are read from the same probes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from teleward_gateway.api import health as health_api
from teleward_gateway.api import metrics as metrics_api
from teleward_gateway.health import HealthRegistry
from teleward_gateway.health.probes import disk_health


@pytest.fixture
def registry() -> HealthRegistry:
    registry = HealthRegistry()
    registry.register("journal", lambda: {"ok": True, "records": 12}, essential=True)
    registry.register("sink:mqtt", lambda: {"backlog_records": 4, "sent_total": 9})
    registry.register("sink:influx", lambda: {"backlog_records": 7, "sent_total": 2})
    return registry


@pytest.fixture
async def client(registry: HealthRegistry) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.health = registry
    app.include_router(health_api.router, prefix="/api/v1")
    app.include_router(health_api.probes)
    app.include_router(metrics_api.router, prefix="/api/v1")
    app.include_router(metrics_api.root)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def fails() -> dict[str, Any]:
    raise RuntimeError("disk on fire")


async def test_all_well(client: httpx.AsyncClient) -> None:
    report = (await client.get("/api/v1/health")).json()
    assert report["status"] == "ok"
    assert report["parts"]["sink:mqtt"] == {"ok": True, "backlog_records": 4, "sent_total": 9}
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/health/ready")).json() == {"status": "ready", "reasons": {}}


async def test_a_sink_in_trouble_degrades_but_stays_ready(
    registry: HealthRegistry, client: httpx.AsyncClient
) -> None:
    registry.register("sink:mqtt", lambda: {"ok": False, "error": "refused"})
    assert (await client.get("/health")).json()["status"] == "degraded"
    assert (await client.get("/health/ready")).status_code == 200


async def test_an_essential_part_in_trouble_is_not_ready_and_says_why(
    registry: HealthRegistry, client: httpx.AsyncClient
) -> None:
    registry.register("journal", fails, essential=True)
    assert (await client.get("/health")).json()["status"] == "failing"
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert "disk on fire" in answer.json()["reasons"]["journal"]
    assert (await client.get("/health/live")).status_code == 200


async def test_numbers_become_metrics(registry: HealthRegistry, client: httpx.AsyncClient) -> None:
    registry.register("radio", lambda: {"ok": False, "adapter": "hci0", "scan": {"found": 3}})
    text = (await client.get("/metrics")).text
    assert text == (await client.get("/api/v1/metrics")).text or "process_" in text
    lines = text.splitlines()
    assert 'teleward_sink_backlog_records{sink="mqtt"} 4.0' in lines
    assert 'teleward_sink_backlog_records{sink="influx"} 7.0' in lines
    assert "# TYPE teleward_sink_sent_total counter" in lines
    assert 'teleward_sink_sent_total{sink="mqtt"} 9.0' in lines
    assert "teleward_journal_records 12.0" in lines
    assert "teleward_radio_scan_found 3.0" in lines
    assert 'teleward_ok{part="radio"} 0.0' in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_a_folder_without_room_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk_health(tmp_path)["free_bytes"] > 0
    monkeypatch.setattr("teleward_gateway.health.probes._LOW_DISK", 2**62)
    answer = disk_health(tmp_path)
    assert answer["ok"] is False
    assert "journal.max_megabytes" in answer["error"]
