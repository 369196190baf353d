"""ECG accuracy on WFDB records with beat annotations: beats, classes, noise, quality.

Channel 0, whole file, fed in ticks of 200 ms as the gateway does; stretches of ventricular
fibrillation are left out. Records named like ``118e06`` are noise-stress records and are scored
after their clean first five minutes. Peers get the whole recording at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.beat_scoring import TOLERANCE_S, Count, compare, pair
from teleward_gateway.bench.accuracy.ecg_peers import peers
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.bank import EcgBank
from teleward_simulators.recordings.wfdb_files import (
    Annotations,
    Recording,
    has_samples,
    read_annotations,
    read_record,
    records,
)

NOISY = re.compile(r"\d{3}e(\d\d|_\d)$")
NOISE_FROM_S, NOISE_CYCLE_S = 300.0, 120.0
"""Noise stress records: noise and quiet alternate every two minutes from minute five."""
CLASSES = {"V": "VE", "S": "AaJS"}
NOT_COUNTED = "FQ/?f"
"""EC57: fusion, paced and unclassified beats count neither for nor against a class."""
FLOOR = 0.4
"""The engine's default: below it a second is marked and its numerics are withheld."""


@dataclass(frozen=True, slots=True)
class Run:
    """One record, its annotations and what the engine made of it."""

    record: Recording
    notes: Annotations
    beats: NDArray[np.void]
    seconds: NDArray[np.void]


def runs(folder: Path) -> Iterator[Run]:
    """Run the engine over every annotated record below ``folder``."""
    for header in records(folder):
        notes = header.with_suffix(".atr")
        if notes.exists() and has_samples(header) and _has_beats(header):
            record = read_record(header)
            events = detect(record.signals[:, 0].astype(np.float32), record.fs)
            yield Run(
                record,
                read_annotations(notes),
                events[events["kind"] == EventKind.BEAT],
                events[events["kind"] == EventKind.HEART_RATE],
            )


def _has_beats(header: Path) -> bool:
    """Return whether the beats of a record are annotated: of these databases only rhythms are."""
    return not {"vfdb", "cudb"} & set(header.parts)


def detect(ecg: NDArray[np.float32], fs: float, tick_s: float = 0.2) -> NDArray[np.void]:
    """Return the events of one ECG in mV, fed tick by tick."""
    bank = EcgBank(fs, 1)
    step = round(tick_s * fs)
    out = []
    for start in range(0, len(ecg), step):
        block = ecg[None, start : start + step]
        bank.process(block, np.array([block.shape[1]], np.int32))
        out.append(bank.drain())
    return np.concatenate(out)


class _Scores:
    """Scores of all records so far; noise-stress records and the others stand apart."""

    def __init__(self, with_peers: bool) -> None:
        self.clean: list[dict[str, Any]] = []
        self.noise: list[dict[str, Any]] = []
        self.classes: list[dict[str, Any]] = []
        self.latencies: list[NDArray[np.float64]] = []
        self.quality: list[tuple[int, int, int, int]] = []
        self.pooled = Count()
        self.class_counts = {symbol: Count() for symbol in CLASSES}
        found = peers() if with_peers else {}
        self.peers = {name: (Count(), detector) for name, detector in found.items()}

    def add(self, run: Run) -> None:
        """Score one record."""
        fs = run.record.fs
        samples, symbols = run.notes.beats()
        noisy = NOISY.search(run.record.name) is not None
        from_s = NOISE_FROM_S if noisy else 0.0
        fibrillation = run.notes.spans("[", "]")
        count, errors, mistakes = compare(samples, run.beats["sample"], fs, fibrillation, from_s)
        row = {"record": run.record.name, "beats": len(samples), **count.percent()}
        row |= {**_errors(errors), "false": count.false, "missed": count.missed}
        for peer, (total, detector) in self.peers.items():
            theirs, _, _ = compare(samples, detector(run.record), fs, fibrillation, from_s)
            if noisy:
                row[peer] = theirs.percent()["f1"]
            else:
                total.add(theirs)
        if noisy:
            self.noise.append(row)
            self.quality.append(_marked(run, mistakes))
            return
        self.clean.append(row)
        self.pooled.add(count)
        self.latencies.append((run.beats["known"] - run.beats["sample"]) / fs)
        self.classes.append(_classes(run, samples, symbols, self.class_counts))


def rows(folder: Path, with_peers: bool = True) -> dict[str, Any]:
    """Measure everything about the ECG records below ``folder``."""
    scores = _Scores(with_peers)
    for run in runs(folder):
        scores.add(run)
    latency = np.concatenate(scores.latencies) if scores.latencies else np.zeros(1)
    return {
        "qrs": {
            "records": scores.clean,
            "pooled": scores.pooled.percent(),
            "jitter_ms": float(np.median([row["jitter_ms"] for row in scores.clean] or [0])),
            "latency_ms": {
                "median": float(np.median(latency) * 1e3),
                "p99": float(np.percentile(latency, 99) * 1e3),
            },
            "peers": {name: total.percent() for name, (total, _) in scores.peers.items()},
        },
        "classes": {symbol: count.percent() for symbol, count in scores.class_counts.items()},
        "class_records": scores.classes,
        "noise_stress": scores.noise,
        "quality": _quality(scores.quality),
    }


def _errors(errors: NDArray[np.float64]) -> dict[str, float]:
    if not len(errors):
        return {"offset_ms": float("nan"), "jitter_ms": float("nan")}
    return {"offset_ms": float(np.median(errors)), "jitter_ms": float(np.std(errors))}


def _classes(
    run: Run, samples: NDArray[np.int64], symbols: NDArray[np.str_], counts: dict[str, Count]
) -> dict[str, Any]:
    """Score beat classes of one record and pool them; paced records do not count (EC57)."""
    row: dict[str, Any] = {"record": run.record.name}
    if np.mean(symbols == "/") > 0.1:
        return row | {"paced": True}
    i, j = pair(samples, run.beats["sample"], round(TOLERANCE_S * run.record.fs))
    truth = np.full(len(run.beats), "-", "U1")
    truth[j] = symbols[i]
    called = np.array([chr(code) for code in run.beats["symbol"]], "U1")
    for symbol, members in CLASSES.items():
        is_member = np.isin(truth, list(members))
        found = int((is_member & (called == symbol)).sum())
        counted = ~np.isin(truth, list(NOT_COUNTED))
        false = int((~is_member & counted & (called == symbol)).sum())
        count = Count(found, false, int(np.isin(symbols, list(members)).sum()) - found)
        counts[symbol].add(count)
        row[symbol] = (found, false, count.missed)
    return row


def _marked(run: Run, mistakes: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Return errors, errors in marked seconds, clean seconds, clean seconds marked.

    A second is marked when the quality at its end or at the end of the next is below the floor:
    a beat may be known half a second after it happened.
    """
    fs = run.record.fs
    low = run.seconds["sqi"] < FLOOR
    marked = low | np.append(low[1:], low[-1:])
    second = np.minimum((mistakes / fs).astype(int), len(marked) - 1)
    time_s = np.arange(len(marked))
    quiet = ((time_s - NOISE_FROM_S) // NOISE_CYCLE_S) % 2 == 1
    quiet |= time_s < NOISE_FROM_S - 5
    quiet[:20] = False
    return len(second), int(marked[second].sum()), int(quiet.sum()), int(marked[quiet].sum())


def _quality(parts: list[tuple[int, int, int, int]]) -> dict[str, float]:
    if not parts:
        return {}
    errors, in_marked, clean, clean_marked = np.sum(parts, axis=0)
    return {
        "errors_marked_percent": float(100 * in_marked / max(1, errors)),
        "clean_marked_percent": float(100 * clean_marked / max(1, clean)),
    }


def table(result: dict[str, Any]) -> str:
    """Print every record, the pooled figures and the peers."""
    lines: list[str] = []
    if result["qrs"]["records"]:
        lines += _beat_lines(result["qrs"])
        for symbol, percent in result["classes"].items():
            lines.append(
                f"class {symbol} (AAMI, paced records left out)  "
                f"Se {percent['se']:.2f}  PPV {percent['ppv']:.2f}"
            )
    if result["noise_stress"]:
        lines.append("noise stress, after the first 5 min")
        for row in result["noise_stress"]:
            extra = "".join(f"  {k} {row[k]:.1f}" for k in row if "." in k)
            lines.append(
                f"  {row['record']:>8}  Se {row['se']:6.2f}  PPV {row['ppv']:6.2f}"
                f"  F1 {row['f1']:6.2f}{extra}"
            )
        quality = result["quality"]
        lines.append(
            f"quality below {FLOOR}: holds {quality['errors_marked_percent']:.1f} % of the errors, "
            f"marks {quality['clean_marked_percent']:.1f} % of the clean seconds"
        )
    return "\n".join(lines)


def _beat_lines(qrs: dict[str, Any]) -> list[str]:
    lines = ["  record  beats     Se    PPV     F1  false missed  offset  jitter (ms)"]
    for row in qrs["records"]:
        lines.append(
            f"{row['record']:>8} {row['beats']:6d} {row['se']:6.2f} {row['ppv']:6.2f} "
            f"{row['f1']:6.2f} {row['false']:6d} {row['missed']:6d} {row['offset_ms']:7.1f} "
            f"{row['jitter_ms']:7.1f}"
        )
    for name, percent in {"teleward": qrs["pooled"], **qrs["peers"]}.items():
        lines.append(
            f"pooled {name:<28} Se {percent['se']:.2f}  PPV {percent['ppv']:.2f}  "
            f"F1 {percent['f1']:.2f}"
        )
    latency = qrs["latency_ms"]
    lines.append(
        f"latency R peak to known: median {latency['median']:.0f} ms, p99 {latency['p99']:.0f} ms "
        f"(plus the wait for the tick); jitter {qrs['jitter_ms']:.1f} ms (median of records)"
    )
    return lines
