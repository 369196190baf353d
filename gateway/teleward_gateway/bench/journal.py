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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from teleward_gateway.clock import Corrections, GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import Entry, Filter
from teleward_gateway.journal.reader import Reader
from teleward_gateway.journal.row import Origin, build_row
from teleward_gateway.journal.spans import count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

FS = 500
VALUES = ("heart_rate", "pulse_rate", "spo2", "respiratory_rate", "perfusion_index", "news2")
WARDS = (1, 8, 64)
DAY_S = 86_400
CONFIG = JournalConfig(commit_interval_s=5.0, max_bytes=2**40)
_NS = 1_000_000_000
_START_NS = 1_772_000_000 * _NS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--folder", help="a folder on the disk to measure (default: temporary)")
    parser.add_argument("--seconds", type=int, default=300, help="seconds of data per ward")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="records of the backlog")
    parser.add_argument("--days", type=float, default=1, help="days of 8 patients to query")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything and return the figures."""
    result: dict[str, Any] = {"seconds": args.seconds, "wards": {}}
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="teleward-bench-") as folder:
        root = Path(folder)
        for patients in WARDS:
            ours = asyncio.run(_run_journal(root / f"j{patients}", patients, args.seconds))
            plain = _run_plain(root / f"p{patients}.sqlite3", patients, args.seconds)
            result["wards"][str(patients)] = {"journal": ours, "plain": plain}
        result["queries"] = _queries(root / "history", args.days)
        result["backlog"] = asyncio.run(_backlog(root / "backlog", args.backlog))
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
    queries = result["queries"]
    lines.append(f"\nqueries on {queries['days']:g} days of 8 patients ({queries['mb']:.0f} MB):")
    lines += [f"  {name:<34} {ms:8.1f} ms" for name, ms in queries["ms"].items()]
    backlog = result["backlog"]
    lines.append(
        f"\nbacklog of {backlog['records']} records: resident memory"
        f" {backlog['rss_mb_at_tenth']:.0f} MB at a tenth,"
        f" {backlog['rss_mb_at_end']:.0f} MB at the end;"
        f" read back at {backlog['read_per_s']:.0f} records/s"
    )
    return "\n".join(lines)


class Ward:
    """The load: the same numbers for both stores."""

    def __init__(self, patients: int) -> None:
        self._rng = np.random.default_rng(1)
        self.patients = patients
        self._waves = [self._ecg(60 + p % 50) for p in range(patients)]

    def _ecg(self, rate_per_min: float) -> np.ndarray[Any, np.dtype[np.int16]]:
        """Return a minute of ECG in counts of 5 uV, int16, shape (60 * FS,)."""
        beat = np.arange(60 * FS) / FS * rate_per_min / 60 % 1.0
        shape = ((0.18, 0.025, 0.12), (0.36, 0.008, -0.12), (0.38, 0.01, 1.1),
                 (0.405, 0.009, -0.25), (0.62, 0.045, 0.3))  # fmt: skip
        mv = sum(a * np.exp(-((beat - c) ** 2) / (2 * w * w)) for c, w, a in shape)
        noise = self._rng.normal(0, 1.5, 60 * FS)
        return np.round(mv * 200 + noise).astype("<i2")

    def samples(self, patient: int, second: int) -> bytes:
        """Return one second of a patient's ECG."""
        first = second % 60 * FS
        return self._waves[patient][first : first + FS].tobytes()

    def entries(self, second: int, jitter: bool = True) -> list[Entry]:
        """Return one second of records, values first."""
        time_ns = _START_NS + second * _NS
        found = []
        for p in range(self.patients):
            subject = f"bed-{p + 1}"
            for k, metric in enumerate(VALUES):
                value = round(60 + p % 30 + k + float(self._rng.normal(0, 1)) * jitter, 1)
                payload = {"value": value, "source": "device", "valid_s": 5.0, "quality": 0.98}
                found.append(
                    Entry(RecordKind.MEASUREMENT, subject, f"monitor-{p + 1}", metric,
                          time_ns + 3_141_592 * k, 12_000_000, second * _NS, payload)
                )  # fmt: skip
        for p in range(self.patients):
            payload = {"fs": float(FS), "scale": 0.005, "offset": 0.0, "index": second * FS,
                       "dtype": "int16"}  # fmt: skip
            found.append(
                Entry(RecordKind.WAVEFORM, f"bed-{p + 1}", f"patch-{p + 1}", "ecg_ii",
                      time_ns + 271_828 * p, 12_000_000, second * _NS, payload,
                      self.samples(p, second))
            )  # fmt: skip
        return found


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


def _queries(folder: Path, days: float) -> dict[str, Any]:
    """Fill a journal with days of records, row by row as the writer does, and ask for pieces."""
    folder.mkdir()
    path = folder / "history.sqlite3"
    store = Store(connect(path))
    store.prepare()
    seconds = int(days * DAY_S)
    _fill(store, Ward(8), seconds)
    store.run("PRAGMA wal_checkpoint(TRUNCATE)")
    size_mb = store.used_bytes() / 1e6
    store.database.close()
    reader = Reader(connect(path), lambda table, seq, count: None)
    try:
        return {"days": days, "mb": size_mb, "ms": _ask(reader, seconds)}
    finally:
        reader.close()


def _fill(store: Store, ward: Ward, seconds: int) -> None:
    number, origin = 1, Origin("bench", "00" * 8, "00" * 8, Provenance.SIMULATED)
    for minute in range(0, seconds, 60):
        span = None
        with Transaction(store.database):
            for second in range(minute, min(seconds, minute + 60)):
                entries = ward.entries(second)
                cut = ward.patients * len(VALUES)
                for part in (entries[:cut], entries[cut:]):
                    row = build_row(part, number, origin)
                    store.insert([row])
                    span = count_row(span, row, {part[0].kind: len(part)})
                    number += len(part)
            if span is not None:
                store.write_span(span)
        if minute % 3600 == 0:
            store.checkpoint()


def _ask(reader: Reader, seconds: int) -> dict[str, float]:
    none = Corrections()
    middle_ns = _START_NS + seconds // 2 * _NS

    def history(metric: str, length_s: int) -> Callable[[], object]:
        wanted = Filter(None, "bed-3", metric)
        return lambda: reader.history(
            wanted, middle_ns, middle_ns + length_s * _NS, 10**6, none, 2**61
        )

    return {
        "10 s of ECG of one patient": _median_ms(history("ecg_ii", 10)),
        "60 s of ECG of one patient": _median_ms(history("ecg_ii", 60)),
        "15 min of one value of one patient": _median_ms(history("spo2", 900)),
        "1 h of one value of one patient": _median_ms(history("spo2", 3600)),
        "first 1000 records of a backlog": _median_ms(
            lambda: reader.read(seconds * 28, frozenset(RecordKind), 1000, 2**61)
        ),
    }


def _median_ms(work: Callable[[], object], repeats: int = 5) -> float:
    def once() -> float:
        began_s = time.perf_counter()
        work()
        return (time.perf_counter() - began_s) * 1e3

    return statistics.median(once() for _ in range(repeats))


async def _backlog(folder: Path, count: int) -> dict[str, float]:
    """Let a backlog grow with no server, watch the memory, then read it as a sink would."""
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
