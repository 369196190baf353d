"""Alarms for ventricular fibrillation and tachycardia on recordings that have them.

An episode is a stretch of at least ten seconds with one label. It is found in time when an alarm
stands within ten seconds of its start. From then on the seconds with an alarm are counted. An alarm
that touches no labelled stretch, with five seconds of slack, is false; hours labelled as noise are
not counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.cudb_files import read_cudb
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.ecg.networks import Networks
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_simulators.recordings.wfdb_files import (
    has_samples,
    read_annotations,
    read_record,
    records,
)

LEAST_S = 9.7
"""Ten seconds, less what rounding of annotations takes."""
IN_TIME_S = 10.0
SLACK_S = 5.0
TICK_S = 0.2
SHOCKABLE = (int(Rhythm.VENTRICULAR_FIBRILLATION), int(Rhythm.VENTRICULAR_TACHYCARDIA))
LABELS = {"VF": "vf", "VFIB": "vf", "VFL": "vf", "VT": "vt", "NOISE": "noise"}
FOLDERS = ("vfdb", "cudb", "mitdb", "nstdb")

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """One lead, with a mark for each sample: ``vf``, ``vt``, ``noise`` or empty."""

    database: str
    record: str
    lead: int
    fs: float
    samples: NDArray[np.float32]
    marks: NDArray[np.str_]


def cases(folder: Path) -> Iterator[Case]:
    """Yield every lead of the four databases below ``folder`` that are there."""
    for database in FOLDERS:
        for header in records(folder / database):
            if header.with_suffix(".atr").exists() and has_samples(header):
                yield from _wfdb(database, header)
    for record in read_cudb(folder / "cudb"):
        marks = np.where(record.fibrillation, "vf", "")
        samples = record.samples.astype(np.float32)
        yield Case("cudb", record.name, 0, record.fs, samples, marks)


def _wfdb(database: str, header: Path) -> Iterator[Case]:
    record = read_record(header)
    annotations = read_annotations(header.with_suffix(".atr"))
    marks = np.full(len(record.signals), "", "<U5")
    named = [
        (int(sample), note.strip("\0 ")[1:])
        for sample, note in zip(annotations.samples, annotations.notes, strict=True)
        if note.startswith("(")
    ]
    ends = [start for start, _ in named[1:]] + [len(marks)]
    for (start, rhythm), end in zip(named, ends, strict=True):
        marks[start:end] = LABELS.get(rhythm, "")
    for lead in range(record.signals.shape[1]):
        samples = record.signals[:, lead].astype(np.float32)
        yield Case(database, header.stem, lead, record.fs, samples, marks)


def alarmed(case: Case, networks: Networks | None = None) -> Flags:
    """Return for each sample whether an alarm stood, as it was known by then."""
    bank = EcgBank(case.fs, 1, networks=networks)
    step = round(TICK_S * case.fs)
    for at in range(0, len(case.samples), step):
        block = case.samples[None, at : at + step]
        bank.process(np.ascontiguousarray(block), np.array([block.shape[1]], np.int32))
    changes = np.zeros(len(case.samples) + 1, np.int64)
    for event in bank.drain():
        if int(event["symbol"]) in SHOCKABLE:
            known = min(int(event["known"]), len(case.samples))
            changes[known] += event["kind"] == EventKind.RHYTHM_ON
            changes[known] -= event["kind"] == EventKind.RHYTHM_OFF
    standing: Flags = np.cumsum(changes)[:-1] > 0
    return standing


def runs(flags: Flags) -> list[tuple[int, int]]:
    """Return the stretches in which ``flags`` is set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def judge(case: Case, standing: Flags) -> dict[str, Any]:
    """Return what one lead adds to the table."""
    fs = case.fs
    lethal = (case.marks == "vf") | (case.marks == "vt")
    result: dict[str, Any] = {"record": case.record, "hours": 0.0, "false": 0}
    for label in ("vf", "vt"):
        delays, seconds, on = [], 0.0, 0.0
        for start, end in runs(case.marks == label):
            if (end - start) / fs < LEAST_S:
                continue
            found = np.flatnonzero(standing[start:end])
            delays.append(found[0] / fs if len(found) else float("inf"))
            late = standing[start + int(IN_TIME_S * fs) : end]
            seconds += len(late) / fs
            on += float(late.sum()) / fs
        result[label] = {"delays": delays, "seconds": seconds, "on": on}
    counted = ~lethal & (case.marks != "noise")
    result["hours"] = float(counted.sum()) / fs / 3600
    slack = int(SLACK_S * fs)
    for start, end in runs(standing):
        near = lethal[max(0, start - slack) : end + slack].any()
        if not near and case.marks[start] != "noise":
            result["false"] += 1
    return result


def rows(
    folder: Path, networks_of: Callable[[Case], Networks | None] = lambda case: None
) -> dict[str, Any] | None:
    """Measure all leads; ``networks_of`` may give weights that have not seen the person."""
    found: dict[str, list[dict[str, Any]]] = {}
    for case in cases(folder):
        key = f"{case.database}, lead {case.lead + 1}"
        found.setdefault(key, []).append(judge(case, alarmed(case, networks_of(case))))
    return {key: _sum(part) for key, part in found.items()} or None


def _sum(part: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of one database and lead."""
    total: dict[str, Any] = {
        "hours": sum(row["hours"] for row in part),
        "false": sum(row["false"] for row in part),
        "false_by_record": {row["record"]: row["false"] for row in part if row["false"]},
    }
    for label in ("vf", "vt"):
        delays = [delay for row in part for delay in row[label]["delays"]]
        seconds = sum(row[label]["seconds"] for row in part)
        on = sum(row[label]["on"] for row in part)
        total[label] = {
            "episodes": len(delays),
            "in_10_s": sum(delay <= IN_TIME_S for delay in delays),
            "in_20_s": sum(delay <= 2 * IN_TIME_S for delay in delays),
            "median_s": float(np.median(delays)) if delays else None,
            "on_percent": 100 * on / seconds if seconds else None,
        }
    return total


def table(result: dict[str, Any]) -> str:
    """Print one line for each database and lead."""
    head = (
        "VF/VT alarms      VF in 10 s  median  on      VT in 10 s  median  on      false    an hour"
    )
    lines = [head]
    for name, row in result.items():
        cells = [f"{name:<16}"]
        for label in ("vf", "vt"):
            part = row[label]
            if part["episodes"]:
                cells.append(
                    f"{part['in_10_s']:>4} of {part['episodes']:<3} {part['median_s']:>6.1f} "
                    f"{part['on_percent'] or 0:>6.1f} %"
                )
            else:
                cells.append(f"{'-':>11} {'-':>6} {'-':>8}")
        rate = row["false"] / row["hours"] if row["hours"] else 0.0
        cells.append(f"{row['false']:>4} in {row['hours']:.1f} h  {rate:.2f}")
        lines.append("  ".join(cells))
    lines.append(
        "VF with flutter; on: share of seconds from the tenth on. Seen in training unless marked."
    )
    return "\n".join(lines)
