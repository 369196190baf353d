"""The journal measured on this machine's disk, beside plain SQLite in the same run.

Load: every patient has one ECG channel (500 Hz, int16, 5 uV a count, 7.5 uV rms of noise) and six
values a second; one commit, synced, for each second of data, as fast as the disk allows.
Peer: SQLite in WAL mode with synchronous=NORMAL, one row a record, raw samples, index by subject
and time, as a first design would have it. NORMAL loses committed records in a power cut.

Write amplification is what the kernel was made to write (/proc/self/io, write_bytes) over the
payload: for the journal its compressed records, for the peer its raw ones.
"""

import argparse
import asyncio
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from teleward_gateway.bench.journal_history import QUERIED, ask_history
from teleward_gateway.bench.journal_ward import Ward
from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.store import Store
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

WARDS = (1, 8, 64)
DAY_S = 86_400
CONFIG = JournalConfig(commit_interval_s=5.0, max_bytes=2**40)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--folder", help="a folder on the disk to measure (default: temporary)")
    parser.add_argument("--seconds", type=int, default=300, help="seconds of data per ward")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="records of the backlog")
    parser.add_argument("--days", type=float, default=1, help="days of 8 patients to query, or 0")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything and return the figures."""
    result: dict[str, Any] = {"seconds": args.seconds, "wards": {}}
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="teleward-bench-") as folder:
        root = Path(folder)
        # first, so that its memory is not that of the wards and queries before it
        result["backlog"] = asyncio.run(_backlog(root / "backlog", args.backlog))
        for patients in WARDS:
            ours = asyncio.run(_run_journal(root / f"j{patients}", patients, args.seconds))
            plain = _run_plain(root / f"p{patients}.sqlite3", patients, args.seconds)
            result["wards"][str(patients)] = {"journal": ours, "plain": plain}
        if args.days > 0:
            result["queries"] = ask_history(root / "history", args.days)
    largest = result["wards"][str(WARDS[-1])]["journal"]
    result["commit_ms_p99"] = largest["commit_ms_p99"]
    result["write_amplification_64"] = largest["write_amplification"]
    result["mb_per_patient_day_64"] = largest["mb_per_patient_day"]
    return result


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [
        f"{result['seconds']} s of data, one synced commit a second; plain: SQLite WAL NORMAL,"
        " one row a record",
        f"{'patients':>8} {'store':<8} {'commit ms p50':>13} {'p99':>7} {'CPU ms/s':>9}"
        f" {'records/s':>10} {'write amp':>10} {'MB/patient-day':>15}",
    ]
    for patients, stores in result["wards"].items():
        for name, row in stores.items():
            lines.append(
                f"{patients:>8} {name:<8} {row['commit_ms_p50']:>13.2f}"
                f" {row['commit_ms_p99']:>7.2f} {row['cpu_ms_per_s']:>9.2f}"
                f" {row['records_per_s']:>10.0f}"
                f" {row['write_amplification']:>9.2f}x {row['mb_per_patient_day']:>15.1f}"
            )
    written = result["wards"]["64"]
    ratio = written["plain"]["written_kb_per_s"] / written["journal"]["written_kb_per_s"]
    lines.append(f"at 64 patients plain SQLite writes {ratio:.1f} times as much")
    if "queries" in result:
        lines += _queries(result["queries"])
    backlog = result["backlog"]
    lines.append(
        f"\nbacklog of {backlog['records']} records: resident memory"
        f" {backlog['rss_mb_at_tenth']:.0f} MB at a tenth,"
        f" {backlog['rss_mb_at_end']:.0f} MB at the end;"
        f" read back at {backlog['read_per_s']:.0f} records/s"
    )
    return "\n".join(lines)


def _queries(queries: dict[str, Any]) -> list[str]:
    """Return the lines of what pages ask for."""
    p95_ms = queries["p95_ms"]
    return [
        f"\nqueries on {queries['days']:g} days of {QUERIED} patients ({queries['mb']:.0f} MB, of"
        f" which trends {queries['trends_mb']:.1f}), ms: {'p50':>10} {'p95':>8}",
        *(f"  {n:<60} {ms:8.1f} {p95_ms[n]:8.1f}" for n, ms in queries["ms"].items()),
    ]


def _draft(entry: Entry) -> Draft:
    return Draft(entry.kind, entry.subject, entry.device, entry.metric, entry.time_ns,
                 entry.uncertainty_ns, entry.payload, entry.samples)  # fmt: skip


def _open(folder: Path) -> Journal:
    return Journal.open(
        folder,
        gateway="bench",
        provenance=Provenance.SIMULATED,
        clock=GatewayClock(),
        config=CONFIG,
    )


async def _run_journal(folder: Path, patients: int, seconds: int) -> dict[str, float]:
    ward = Ward(patients)
    loads = [[_draft(entry) for entry in ward.entries(second)] for second in range(seconds)]
    journal = Journal.open(
        folder,
        gateway="bench",
        provenance=Provenance.SIMULATED,
        clock=GatewayClock(),
        config=CONFIG,
    )
    commits_ms: list[float] = []
    meter = Meter()
    for load in loads:
        for draft in load:
            journal.append(draft)
        await journal.flush()
        commits_ms.append(journal.stats().last_commit_s * 1e3)
    journal.close()
    found = meter.stop()
    store = Store(connect(folder / "simulated.sqlite3"))
    payload = sum(
        store.run(f"SELECT sum(length(data)) FROM {name}")[0][0] for name in ("wave", "light")
    )
    size = store.used_bytes()
    store.database.close()
    return _row(found, commits_ms, sum(map(len, loads)), patients, seconds, payload, size)


def _run_plain(path: Path, patients: int, seconds: int) -> dict[str, float]:
    ward = Ward(patients)
    loads = [ward.entries(second) for second in range(seconds)]
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(
        "CREATE TABLE record (time INTEGER, subject TEXT, device TEXT, metric TEXT, value REAL,"
        " samples BLOB)"
    )
    database.execute("CREATE INDEX record_by_subject ON record (subject, time)")
    commits_ms: list[float] = []
    payload = 0
    meter = Meter()
    for load in loads:
        began_s = time.perf_counter()
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO record VALUES (?,?,?,?,?,?)",
            [
                (e.time_ns, e.subject, e.device, e.metric, e.payload.get("value"), e.samples)
                for e in load
            ],
        )
        database.execute("COMMIT")
        commits_ms.append((time.perf_counter() - began_s) * 1e3)
        payload += sum(16 + len(entry.samples) for entry in load)
    database.close()
    found = meter.stop()
    size = path.stat().st_size
    return _row(found, commits_ms, sum(map(len, loads)), patients, seconds, payload, size)


class Meter:
    """CPU, wall time and bytes written from now on."""

    def __init__(self) -> None:
        os.sync()
        self._from = self._now()

    def stop(self) -> tuple[float, float, int]:
        """Return seconds of CPU, seconds of wall time and bytes written."""
        cpu_s, wall_s, written = (b - a for a, b in zip(self._from, self._now(), strict=True))
        return cpu_s, wall_s, int(written)

    @staticmethod
    def _now() -> tuple[float, float, float]:
        text = Path("/proc/self/io").read_text()
        written = next(line.split()[1] for line in text.splitlines() if line[:6] == "write_")
        return time.process_time(), time.perf_counter(), float(written)


def _row(
    found: tuple[float, float, int],
    commits_ms: list[float],
    records: int,
    patients: int,
    seconds: int,
    payload: int,
    size: int,
) -> dict[str, float]:
    cpu_s, wall_s, written = found
    ordered = sorted(commits_ms)
    return {
        "commit_ms_p50": statistics.median(ordered),
        "commit_ms_p99": ordered[int(len(ordered) * 0.99)],
        "cpu_ms_per_s": cpu_s / seconds * 1e3,
        "records_per_s": records / wall_s,
        "write_amplification": written / payload,
        "written_kb_per_s": written / seconds / 1e3,
        "mb_per_patient_day": size / seconds * DAY_S / patients / 1e6,
    }


async def _backlog(folder: Path, count: int) -> dict[str, float]:
    """Grow a backlog without a server, watch the memory, then read it as a sink would."""
    journal = Journal.open(
        folder,
        gateway="bench",
        provenance=Provenance.SIMULATED,
        clock=GatewayClock(),
        config=CONFIG,
    )
    kinds = frozenset(RecordKind)
    await journal.register("away", kinds)
    rss: list[float] = []
    for first in range(0, count, 5000):
        for i in range(first, min(count, first + 5000)):
            payload = {"value": i % 100, "source": "device", "valid_s": 5.0}
            draft = Draft(RecordKind.MEASUREMENT, f"bed-{i % 64}", "ox", "spo2", payload=payload)
            journal.append(draft)
        await journal.flush()
        if first in (_floor(count // 10), _floor(count - 1)):
            rss.append(_rss_mb())
    began_s, after, read = time.perf_counter(), 0, 0
    while after < journal.next_number - 1:
        batch = await journal.read(after, kinds, 5000)
        read, after = read + len(batch.records), batch.through
    rate = read / (time.perf_counter() - began_s)
    pending = journal.stats().sinks[0].pending
    journal.close()
    return {"records": pending, "rss_mb_at_tenth": rss[0], "rss_mb_at_end": rss[-1],
            "read_per_s": rate}  # fmt: skip


def _floor(number: int) -> int:
    return number // 5000 * 5000


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
