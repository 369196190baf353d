"""Health, readiness and metrics are read from the same probes."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from teleward_gateway.api import health as health_api
from teleward_gateway.api import metrics as metrics_api
from teleward_gateway.health import HealthRegistry, metrics
from teleward_gateway.health.probes import disk_health
from teleward_gateway.sessions.counters import Counters
from teleward_gateway.sessions.session import SessionStatus
from teleward_gateway.sessions.states import State


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


ABBREVIATED = re.compile(r"_(s|ms|us|ns|min|kb|mb|b)(_|$)")


def lint(text: str) -> list[str]:
    """Return what breaks the rules of Prometheus, by promtool too where there is one."""
    found = []
    for family in text_string_to_metric_families(text):
        if ABBREVIATED.search(family.name):
            found.append(f"{family.name}: abbreviated unit")
        if not family.documentation or family.documentation == family.name:
            found.append(f"{family.name}: no help")
        if family.name.endswith("_total"):
            found.append(f"{family.name}: a {family.type} that ends like a counter")
    if tool := shutil.which("promtool"):
        checked = subprocess.run(
            [tool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        found += (checked.stdout + checked.stderr).splitlines()
    return found


def test_units_are_base_units_and_every_device_has_a_series() -> None:
    health = HealthRegistry()
    health.register("latency:commit", lambda: {"ok": True, "p95_ms": 80.0, "samples_total": 2})
    health.register("dsp", lambda: {"ok": True, "busy_s_total": 3.5, "publishes_per_s_limit": 9})
    counters = Counters(n_bytes=512, n_values=7, last_seen_ns=1_500_000_000)
    strap = SessionStatus('strap "1"', State.STREAMING, "", 0, counters)
    text = metrics.render(health, [metrics_api.figures_of(strap)]).decode()
    lines = text.splitlines()
    assert 'teleward_latency_p95_seconds{latency="commit"} 0.08' in lines
    assert "teleward_dsp_busy_seconds_total 3.5" in lines
    assert "teleward_dsp_publishes_per_second_limit 9.0" in lines
    assert 'teleward_device_streaming{device="strap \\"1\\""} 1.0' in lines
    assert 'teleward_device_received_bytes_total{device="strap \\"1\\""} 512.0' in lines
    assert 'teleward_device_last_seen_timestamp_seconds{device="strap \\"1\\""} 1.5' in lines
    assert lint(text) == []


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
    assert lint(text) == []
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_a_folder_without_room_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk_health(tmp_path)["free_bytes"] > 0
    monkeypatch.setattr("teleward_gateway.health.probes._LOW_DISK", 2**62)
    answer = disk_health(tmp_path)
    assert answer["ok"] is False
    assert "journal.max_megabytes" in answer["error"]
