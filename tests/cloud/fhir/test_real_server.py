"""Records to a real FHIR server while it and the sink are killed: each is stored once.

`make test-fhir` does it in full: 10 000 records, five kills of each.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from teleward_signal.record import Draft, RecordKind
from tests.cloud.fhir.delivering import open_journal
from tests.cloud.fhir.judges import ROOT, FhirServer

FULL = os.environ.get("TELEWARD_FHIR") == "full"
N_RECORDS, N_KILLS = (10_000, 5) if FULL else (200, 1)


async def fill(folder: Path) -> None:
    """Commit the records of the test: saturations, and a cuff reading now and then."""
    journal = open_journal(folder)
    for n in range(N_RECORDS // 10):
        for metric in ("nibp_systolic", "nibp_diastolic", "nibp_mean"):
            payload = {"value": 80.0 + n % 50, "source": "device", "group": f"nibp-{n}"}
            time_ns = 1_772_352_000_000_000_000 + n * 1_000_000_000
            journal.append(
                Draft(RecordKind.MEASUREMENT, "bed-1", "cuff-1", metric, time_ns, payload=payload)
            )
        for _ in range(7):
            payload = {"value": 90.0 + n % 10, "source": "device"}
            journal.append(Draft(RecordKind.MEASUREMENT, "bed-1", "ox-1", "spo2", payload=payload))
    await journal.flush()
    journal.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("idempotency", ["create", "put"] if FULL else ["create"])
def test_every_record_is_stored_once(tmp_path: Path, idempotency: str) -> None:
    server = FhirServer(tmp_path)
    asyncio.run(fill(tmp_path / "journal"))
    began_s = time.monotonic()
    server.start()
    worker = start(tmp_path, server, idempotency)
    kills = {"server": 0, "sink": 0}
    try:
        for step in range(2 * N_KILLS):
            wait_for(server, worker, (step + 1) * N_RECORDS // (2 * N_KILLS + 2))
            if step % 2:
                server.kill()
                server.start()
                kills["server"] += 1
            else:
                worker.kill()
                worker.communicate()
                worker = start(tmp_path, server, idempotency)
                kills["sink"] += 1
        printed, _ = worker.communicate(timeout=800 if FULL else 200)
        assert worker.returncode == 0, printed
    finally:
        worker.kill()
        worker.communicate()
        server.stop()
    count = Counter(identity for found in server.stored() for identity in identities(found))
    versions = Counter((found["id"], found["meta"]["versionId"]) for found in server.stored())
    doubled = len(count) - N_RECORDS + sum(n - 1 for n in count.values() if idempotency != "put")
    print(
        f"\n{idempotency}: {N_RECORDS} records, {len(server.latest())} observations, "
        f"{doubled} doubled, {kills}, {time.monotonic() - began_s:.0f} s, {printed.strip()}"
    )
    assert len(count) == N_RECORDS
    assert doubled == 0
    assert max(versions.values()) == 1
    assert len(server.latest()) == N_RECORDS // 10 * 8, "three pressures are one panel"
    assert len({found["id"] for found in server.stored("Patient")}) == 1


def identities(found: dict[str, Any]) -> list[str]:
    """Return the identities of the records in an observation."""
    every = [one["value"] for one in found["identifier"]]
    return every[1:] or every


def wait_for(server: FhirServer, worker: "subprocess.Popen[str]", n_stored: int) -> None:
    """Wait until the server has so many resources."""
    while server.count() < n_stored * 8 // 10:
        assert worker.poll() is None, "the records are delivered before the kill"
        time.sleep(0.05)


def start(folder: Path, server: FhirServer, idempotency: str) -> "subprocess.Popen[str]":
    """Start the delivery in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cloud.fhir.delivering", str(folder / "journal"), server.url,
         idempotency],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
