"""Exports of one patient from a journal of hours: speed, processor, memory and size.

One patient with six values a second and three waves (250, 125 and 62.5 Hz), beside others whose
records lie in the same rows. Every format is a process of its own, as the command is.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from teleward_gateway.bench.journal_history import HOUR_S, Template
from teleward_gateway.bench.journal_ward import NS, START_NS, VALUES
from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal.database import connect
from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.row import Origin, build_row
from teleward_gateway.journal.spans import count_row
from teleward_gateway.journal.store import Store, Transaction
from teleward_gateway.registry.model import Subject
from teleward_gateway.registry.store import Registry
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

WAVES = (("ecg_ii", 250.0), ("pleth", 125.0), ("respiration", 62.5))
FORMATS = ("csv", "parquet", "wfdb", "edf", "fhir", "hl7")
NUMERICS = ("csv", "parquet", "fhir", "hl7")
LEAST_NUMERICS, LEAST_WAVES, MOST_MB = 200, 100, 250
"""What is wanted: times real time without and with waves, and memory."""

_CHILD = """
import re, sys, time
from teleward_gateway.__main__ import main
code = main()
status = open("/proc/self/status").read()
print(re.search(r"VmHWM:\\s+(\\d+)", status)[1], time.process_time())
sys.exit(code)
"""
# the figures of a waited child would be those of the process that forked it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hours", type=float, default=2.0, help="length of the journal (2)")
    parser.add_argument("--patients", type=int, default=4, help="patients of the journal (4)")
    parser.add_argument("--formats", default=",".join(FORMATS), help="separated by commas")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make a journal and export one patient of it in every format."""
    with tempfile.TemporaryDirectory(prefix="teleward-bench-") as name:
        folder = Path(name)
        seconds = int(arguments.hours * HOUR_S)
        config = _fill(folder, arguments.patients, seconds)
        rows = [
            _export(folder, config, form, waves, seconds)
            for form in arguments.formats.split(",")
            for waves in (False, True)
            if waves or form in NUMERICS
        ]
    return {"hours": arguments.hours, "patients": arguments.patients, "exports": rows}


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    lines = [
        f"one of {result['patients']} patients, {result['hours']:g} h; wanted: {LEAST_NUMERICS} x"
        f" real time without waves, {LEAST_WAVES} x with three, under {MOST_MB} MB",
        f"{'format':<10} {'waves':<6} {'x real time':>11} {'cpu s/h':>8} {'memory MB':>10} "
        f"{'MB/h':>8} {'exit':>5}",
    ]
    for row in result["exports"]:
        lines.append(
            f"{row['format']:<10} {'yes' if row['waves'] else 'no':<6} {row['speed']:>11.0f} "
            f"{row['cpu_s_per_h']:>8.2f} {row['memory_mb']:>10.0f} {row['mb_per_h']:>8.1f} "
            f"{row['exit']:>5}"
        )
    return "\n".join(lines)


def _export(folder: Path, config: Path, form: str, waves: bool, seconds: int) -> dict[str, Any]:
    out = folder / f"{form}-{waves}"
    command = [
        sys.executable, "-c", _CHILD, "export", "--config", str(config), "--quiet",
        "--subject", "bed-1", "--format", form, "--out", str(out),
    ]  # fmt: skip
    began_s = time.monotonic()
    more = [] if waves else ["--no-waves"]
    ran = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
    took_s = time.monotonic() - began_s
    *_, peak_kb, cpu_s = ran.stdout.split() or ("0", "0")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    hours = seconds / HOUR_S
    return {
        "format": form,
        "waves": waves,
        "speed": seconds / took_s,
        "cpu_s_per_h": float(cpu_s) / hours,
        "memory_mb": float(peak_kb) / 1024,
        "mb_per_h": size / 1e6 / hours,
        "exit": ran.returncode,
    }


def _fill(folder: Path, patients: int, seconds: int) -> Path:
    """Write the journal, an hour that comes again and again, and the registry."""
    data = folder / "data" / "simulated"
    data.mkdir(parents=True)
    config = folder / "teleward.toml"
    config.write_text(
        f'[gateway]\nname = "bench"\nmode = "simulated"\ndata_folder = "{folder / "data"}"\n'
    )
    registry = Registry(data / "registry.sqlite", Provenance.SIMULATED, clock=GatewayClock())
    for number in range(patients):
        registry.admit(Subject(f"bed-{number + 1}", "", Provenance.SIMULATED))
    registry.close()
    store = Store(connect(data / "simulated.sqlite3"))
    store.prepare()
    templates = [_templates(patients, second) for second in range(min(seconds, HOUR_S))]
    number = 1
    for minute in range(0, seconds, 60):
        span = None
        with Transaction(store.database):
            for second in range(minute, min(seconds, minute + 60)):
                later_ns = second // HOUR_S * HOUR_S * NS
                for template, kind in templates[second % HOUR_S]:
                    row = template.at(number, later_ns)
                    store.insert([row])
                    span = count_row(span, row, {kind: row.count})
                    number += row.count
            if span is not None:
                store.write_span(span)
    store.database.close()
    return config


def _templates(patients: int, second: int) -> list[tuple[Template, RecordKind]]:
    origin = Origin("bench", "00" * 8, "00" * 8, Provenance.SIMULATED)
    random = np.random.default_rng(second)
    values, waves = [], []
    for number in range(patients):
        who, device = f"bed-{number + 1}", f"monitor-{number + 1}"
        time_ns = START_NS + second * NS
        for k, metric in enumerate(VALUES):
            payload = {"value": round(60 + k + float(random.normal()), 1), "source": "device",
                       "valid_s": 5.0, "quality": 0.98}  # fmt: skip
            values.append(
                Entry(RecordKind.MEASUREMENT, who, device, metric, time_ns + k, 12_000_000,
                      second * NS, payload)
            )  # fmt: skip
        for metric, fs in WAVES:
            n, first = _samples_of(fs, second)
            payload = {"fs": fs, "scale": 0.005, "offset": 0.0, "index": first, "dtype": "int16"}
            at_ns = START_NS + round(first / fs * NS)
            counts = np.round(random.normal(0, 100, n)).astype("<i2").tobytes()
            waves.append(
                Entry(RecordKind.WAVEFORM, who, device, metric, at_ns, 12_000_000, second * NS,
                      payload, counts)
            )  # fmt: skip
    return [
        (Template(build_row(values, 1, origin)), RecordKind.MEASUREMENT),
        (Template(build_row(waves, 1, origin)), RecordKind.WAVEFORM),
    ]


def _samples_of(fs: float, second: int) -> tuple[int, int]:
    """Return how many samples begin in a second, and the number of the first."""
    first, after = -int(-second * fs // 1), -int(-(second + 1) * fs // 1)
    return after - first, first
