"""Atrial fibrillation, beat by beat: AFDB as text (intervals only) and WFDB records with rhythms.

Flutter counts as no fibrillation. WFDB records are judged twice: from the annotated intervals, as
the literature does, and by the stream itself, which knows the ventricular beats that it found, from
the events that it sends (dated back by the delay of `teleward_signal.ecg.fibrillation`). Beside it
stands CoSEn over 60 intervals (Lake & Moorman 2011) at the threshold -1.38 that is best on AFDB.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.ecg import NOISY, detect
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.fibrillation import fibrillation
from teleward_signal.ecg.networks import load_networks
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_simulators.recordings.wfdb_files import (
    Annotations,
    has_samples,
    read_annotations,
    read_rate,
    read_record,
    records,
)

COSEN_N, COSEN_ABOVE = 60, -1.38
COSEN_EVERY = 10
"""Intervals between looks: one at each would take minutes in Python."""
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """One series: intervals in s, the truth of each, and which of them decide on fibrillation.

    ``stream``, where there is one, is what the events of the engine said of each beat.
    """

    name: str
    intervals: NDArray[np.float64]
    truth: Booleans
    used: Booleans
    stream: Booleans | None = None


def afdb(folder: Path) -> Iterator[Case]:
    """Yield every AFDB text below ``folder``."""
    for path in sorted(folder.rglob("qrs*.txt")):
        columns = np.loadtxt(path, ndmin=2)
        samples = columns[:, 2].astype(np.int64)
        changes = []
        for line in path.with_name(path.name.replace("qrs", "atr")).read_text().splitlines():
            found = re.search(r"\s(\d+)\s+\+.*\((\w+)\s*$", line)
            if found:
                changes.append((int(found[1]), found[2]))
        used = np.ones(len(samples), bool)
        yield Case(path.stem[3:], columns[:, 1], _truth(samples, changes), used)


def annotated(folder: Path) -> Iterator[tuple[Path, Annotations]]:
    """Yield the WFDB records below ``folder`` with rhythm annotations."""
    for header in records(folder):
        notes = header.with_suffix(".atr")
        if notes.exists() and not NOISY.search(header.stem):
            marks = read_annotations(notes)
            if any(text.startswith("(") for text in marks.notes):
                yield header, marks


def wfdb_cases(folder: Path) -> dict[str, list[Case]]:
    """Return the WFDB records with samples: by annotated beats and by the engine's own."""
    cases: dict[str, list[Case]] = {"annotated": [], "own": []}
    for header, marks in annotated(folder):
        if not has_samples(header):
            continue
        if (case := _annotated(header, marks)) is not None:
            cases["annotated"].append(case)
        record = read_record(header)
        events = detect(record.signals[:, 0].astype(np.float32), record.fs)
        cases["own"].append(_own(header.stem, events, _changes(marks)))
    return cases


def without_samples(folder: Path) -> Iterator[Case]:
    """Yield the WFDB records that have annotations alone, such as those of LTAFDB."""
    for header, marks in annotated(folder):
        if not has_samples(header) and (case := _annotated(header, marks)) is not None:
            yield case


def _annotated(header: Path, marks: Annotations) -> Case | None:
    """Return a record by its annotated beats; beats before the first rhythm are left out."""
    changes, (samples, _) = _changes(marks), marks.beats()
    samples = samples[samples >= changes[0][0]]
    if len(samples) < 2:
        return None
    intervals = np.diff(samples) / read_rate(header)
    used = np.ones(len(intervals), bool)
    return Case(header.stem, intervals, _truth(samples[1:], changes), used)


def _changes(marks: Annotations) -> list[tuple[int, str]]:
    return [
        (int(sample), text[1:])
        for sample, text in zip(marks.samples, marks.notes, strict=True)
        if text.startswith("(")
    ]


def rows(folder: Path) -> dict[str, Any]:
    """Measure every AFDB text and every WFDB record with rhythm annotations."""
    networks = load_networks().fibrillation
    cases = wfdb_cases(folder)
    by_beats = {
        "afdb": afdb(folder),
        "wfdb, annotated": iter(cases["annotated"]),
        "wfdb without samples, annotated": without_samples(folder),
    }
    sets: dict[str, list[dict[str, Any]]] = {name: [] for name in (*by_beats, "wfdb, own")}
    for name, part in by_beats.items():
        for case in part:
            called = fibrillation(case.intervals, networks) >= 0.5
            peer = _cosen(case.intervals) > COSEN_ABOVE
            sets[name].append(scored(case, called) | {"cosen": _counts(case.truth, peer)})
    for case in cases["own"]:
        if case.stream is not None:
            counts = _counts(case.truth, case.stream)
            sets["wfdb, own"].append({"record": case.name, "counts": counts})
    return {name: {"records": part, "pooled": pooled(part)} for name, part in sets.items() if part}


def scored(case: Case, called: Booleans) -> dict[str, Any]:
    """Return a record's row from the verdicts on its used intervals; others follow them."""
    everywhere = np.zeros(len(case.truth), bool)
    everywhere[case.used] = called
    nearest = np.maximum.accumulate(np.where(case.used, np.arange(len(case.used)), 0))
    return {"record": case.name, "counts": _counts(case.truth, everywhere[nearest])}


def table(result: dict[str, Any]) -> str:
    """Print each record and the pooled figures."""
    lines = []
    for name, part in result.items():
        lines.append(f"atrial fibrillation, {name}")
        for row in part["records"]:
            tp, fn, tn, fp = row["counts"]
            lines.append(
                f"  {row['record']:>8}  Se {_percent(tp, fn)}  Sp {_percent(tn, fp)}"
                f"  missed {fn:5d} of {tp + fn:6d}  false {fp:5d} of {tn + fp:6d}"
            )
        for who, (se, sp) in part["pooled"].items():
            lines.append(f"  pooled {who:<10} Se {se:.2f}  Sp {sp:.2f}")
    return "\n".join(lines)


def _own(name: str, events: NDArray[np.void], changes: list[tuple[int, str]]) -> Case:
    """Make a case of the engine's beats; intervals beside a ventricular one take no part."""
    beats = events[events["kind"] == EventKind.BEAT]
    ventricular = beats["symbol"] == ord("V")
    used = np.isfinite(beats["value"]) & ~ventricular & ~np.append(False, ventricular[:-1])
    on = np.isin(events["kind"], (EventKind.RHYTHM_ON, EventKind.RHYTHM_OFF))
    turns = events[on & (events["symbol"] == Rhythm.ATRIAL_FIBRILLATION)]
    called = [
        (int(turn["sample"]), "AFIB" if turn["kind"] == EventKind.RHYTHM_ON else "")
        for turn in turns
    ]
    truth, stream = (_truth(beats["sample"], marks) for marks in (changes, called))
    return Case(name, np.nan_to_num(beats["value"], nan=1.0), truth, used, stream)


def _truth(samples: NDArray[np.int64], changes: list[tuple[int, str]]) -> Booleans:
    starts = np.array([sample for sample, _ in changes], np.int64)
    is_af = np.array([False, *(name == "AFIB" for _, name in changes)])
    truth: Booleans = is_af[np.searchsorted(starts, samples, "right")]
    return truth


def _counts(truth: Booleans, called: Booleans) -> tuple[int, int, int, int]:
    return (
        int((truth & called).sum()),
        int((truth & ~called).sum()),
        int((~truth & ~called).sum()),
        int((~truth & called).sum()),
    )


def pooled(part: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return sensitivity and specificity in % over all records, ours and the peer's."""
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
