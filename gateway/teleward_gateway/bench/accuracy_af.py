"""Atrial fibrillation, beat by beat: AFDB as text (intervals only) and WFDB records with rhythms.

Flutter counts as no fibrillation. WFDB records are judged twice: from the annotated intervals, as
the literature does, and from the engine's own beats with the ventricular ones left out. Beside it
stands CoSEn over 60 intervals (Lake & Moorman 2011) at the threshold -1.38 that is best on AFDB.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy_ecg import NOISY, detect
from teleward_gateway.bench.wfdb_files import Annotations, read_annotations, read_record, records
from teleward_signal.af import fibrillation
from teleward_signal.bank import EventKind
from teleward_signal.ecg import load_networks

COSEN_N, COSEN_ABOVE = 60, -1.38
COSEN_EVERY = 10
"""Intervals between looks: one at each would take minutes in Python."""
Booleans = NDArray[np.bool_]
Case = tuple[str, NDArray[np.float64], Booleans, NDArray[np.int64]]


def afdb(folder: Path) -> Iterator[Case]:
    """Yield name, intervals in s, truth and samples of every AFDB text below ``folder``."""
    for path in sorted(folder.rglob("qrs*.txt")):
        columns = np.loadtxt(path, ndmin=2)
        samples = columns[:, 2].astype(np.int64)
        changes = []
        for line in path.with_name(path.name.replace("qrs", "atr")).read_text().splitlines():
            found = re.search(r"\s(\d+)\s+\+.*\((\w+)\s*$", line)
            if found:
                changes.append((int(found[1]), found[2]))
        yield path.stem[3:], columns[:, 1], _truth(samples, changes), samples


def annotated(folder: Path) -> Iterator[tuple[Path, Annotations]]:
    """Yield the WFDB records below ``folder`` whose annotations tell the rhythm."""
    for header in records(folder):
        notes = header.with_suffix(".atr")
        if notes.exists() and not NOISY.search(header.stem):
            marks = read_annotations(notes)
            if any(text.startswith("(") for text in marks.notes):
                yield header, marks


def rows(folder: Path) -> dict[str, Any]:
    """Measure every AFDB text and every WFDB record with rhythm annotations."""
    network = load_networks()[-1]
    sets: dict[str, list[dict[str, Any]]] = {"afdb": [], "wfdb, annotated": [], "wfdb, own": []}
    for name, intervals, truth, _ in afdb(folder):
        said = fibrillation(intervals, network) >= 0.5
        sets["afdb"].append(_row(name, truth, said, _cosen(intervals) > COSEN_ABOVE))
    for header, marks in annotated(folder):
        record = read_record(header)
        changes = [
            (int(sample), text[1:])
            for sample, text in zip(marks.samples, marks.notes, strict=True)
            if text.startswith("(")
        ]
        samples, _ = marks.beats()
        intervals = np.diff(samples) / record.fs
        truth = _truth(samples[1:], changes)
        said = fibrillation(intervals, network) >= 0.5
        sets["wfdb, annotated"].append(
            _row(header.stem, truth, said, _cosen(intervals) > COSEN_ABOVE)
        )
        sets["wfdb, own"].append(_own(header.stem, record.signals[:, 0], record.fs, changes))
    return {name: {"records": part, "pooled": _pool(part)} for name, part in sets.items() if part}


def table(result: dict[str, Any]) -> str:
    """Print each record and the pooled figures."""
    lines = []
    for name, part in result.items():
        lines.append(f"atrial fibrillation, {name}")
        for row in part["records"]:
            tp, fn, tn, fp = row["counts"]
            lines.append(f"  {row['record']:>8}  Se {_percent(tp, fn)}  Sp {_percent(tn, fp)}")
        for who, (se, sp) in part["pooled"].items():
            lines.append(f"  pooled {who:<10} Se {se:.2f}  Sp {sp:.2f}")
    return "\n".join(lines)


def _own(
    name: str, ecg: NDArray[np.float64], fs: float, changes: list[tuple[int, str]]
) -> dict[str, Any]:
    """Judge the engine's own beats; intervals beside a ventricular one take no part."""
    events = detect(ecg.astype(np.float32), fs)
    beats = events[events["kind"] == EventKind.BEAT]
    ventricular = beats["symbol"] == ord("V")
    use = np.isfinite(beats["value"]) & ~ventricular & ~np.append(False, ventricular[:-1])
    said = np.zeros(len(beats), bool)
    said[use] = fibrillation(beats["value"][use], load_networks()[-1]) >= 0.5
    nearest = np.maximum.accumulate(np.where(use, np.arange(len(beats)), 0))
    return _row(name, _truth(beats["sample"], changes), said[nearest], None)


def _truth(samples: NDArray[np.int64], changes: list[tuple[int, str]]) -> Booleans:
    starts = np.array([sample for sample, _ in changes], np.int64)
    is_af = np.array([False, *(name == "AFIB" for _, name in changes)])
    truth: Booleans = is_af[np.searchsorted(starts, samples, "right")]
    return truth


def _row(name: str, truth: Booleans, said: Booleans, cosen: Booleans | None) -> dict[str, Any]:
    row: dict[str, Any] = {"record": name, "counts": _counts(truth, said)}
    if cosen is not None:
        row["cosen"] = _counts(truth, cosen)
    return row


def _counts(truth: Booleans, said: Booleans) -> tuple[int, int, int, int]:
    return (
        int((truth & said).sum()),
        int((truth & ~said).sum()),
        int((~truth & ~said).sum()),
        int((~truth & said).sum()),
    )


def _pool(part: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    out = {}
    for who, key in (("teleward", "counts"), ("CoSEn-60", "cosen")):
        if key in part[0]:
            tp, fn, tn, fp = np.sum([row[key] for row in part], axis=0)
            out[who] = (100 * tp / max(1, tp + fn), 100 * tn / max(1, tn + fp))
    return out


def _percent(good: int, bad: int) -> str:
    return f"{100 * good / (good + bad):6.2f}" if good + bad else "     -"


def _cosen(intervals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CoSEn of the 60 intervals around each one: SampEn(m=1, r) - ln(2 r) - ln(mean)."""
    n = len(intervals)
    centres = np.arange(0, n, COSEN_EVERY)
    lows = np.clip(centres - COSEN_N // 2, 0, max(0, n - COSEN_N))
    values = np.array([_cosen_of(intervals[low : low + COSEN_N]) for low in lows])
    return values[np.minimum(np.arange(n) // COSEN_EVERY, len(values) - 1)]


def _cosen_of(window: NDArray[np.float64]) -> float:
    """Sample entropy with the tolerance widened until five pairs match, per the paper."""
    near = np.abs(window[:, None] - window[None, :])
    upper = np.triu(np.ones((len(window) - 1,) * 2, bool), 1)
    first, second = near[:-1, :-1][upper], near[1:, 1:][upper]
    r = 0.03
    while r < 1.0:
        one = first < r
        two = int((one & (second < r)).sum())
        if two >= 5:
            break
        r += 0.005
    else:
        two = 1
    ratio = max(int(one.sum()), 1) / max(two, 1)
    return float(np.log(ratio) + np.log(2 * r) - np.log(window.mean()))
