"""Fixtures for all tests: real servers on loopback, gone after each test; records; waits.

A missing program fails the test with the name of the Debian package to install.

Property tests draw the same examples on every machine, so that a run says what the change did;
``TELEWARD_NEW_EXAMPLES=1 pytest ...`` draws others. None of them is judged by how long it takes.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from teleward_gateway.testing.servers import Influx, Mosquitto, VictoriaMetrics
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

settings.register_profile(
    "teleward",
    derandomize="TELEWARD_NEW_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("teleward")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto without passwords."""
    yield from running(Mosquitto, tmp_path / "mosquitto")


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Influx]:
    """A running InfluxDB with the buckets teleward and teleward-sim."""
    yield from running(Influx, tmp_path / "influx")


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    """A running VictoriaMetrics."""
    yield from running(VictoriaMetrics, tmp_path / "victoria")


Server = TypeVar("Server", Mosquitto, Influx, VictoriaMetrics)


def running(kind: Callable[[Path], Server], folder: Path) -> Iterator[Server]:
    """Yield a server that keeps its files in ``folder`` and ends with the test."""
    folder.mkdir()
    server = kind(folder)
    server.start()
    yield server
    server.stop()


START_NS = 1_772_352_000_000_000_000
"""2026-03-01T08:00:00Z."""


def make_record(
    seq: int = 1,
    part: int = 0,
    *,
    kind: RecordKind = RecordKind.MEASUREMENT,
    provenance: Provenance = Provenance.SIMULATED,
    subject: str | None = "bed-1",
    device: str | None = "ox-1",
    metric: str | None = "spo2",
    time_ns: int | None = None,
    payload: dict[str, Any] | None = None,
    samples: bytes = b"",
) -> Record:
    """Return a record; by default a value of SpO2, one a second."""
    return Record(
        RecordId("ward-3", "9f86d081", seq, part),
        kind,
        provenance,
        START_NS + seq * 1_000_000_000 if time_ns is None else time_ns,
        12_000_000,
        81_234_000_000 + seq,
        "5c1e",
        subject,
        device,
        metric,
        {"value": 96.0, "source": "device", "valid_s": 5.0} if payload is None else payload,
        samples,
    )


async def wait_until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Wait until ``condition()`` is true; fail after ``timeout_s``."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"not true within {timeout_s} s")
        await asyncio.sleep(0.01)


@pytest.fixture
def record() -> Callable[..., Record]:
    """How to make a record."""
    return make_record


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """How to wait for something."""
    return wait_until
