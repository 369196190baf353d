"""Rhythm events on WFDB records, episode by episode (after ANSI/AAMI EC57).

What there is to find comes from the annotations: the rhythm where the annotators name it, pauses,
rates and ventricular runs from the annotated beats, by the engine's own limits. An episode is found
when a reported one overlaps it, a reported one is right when it overlaps a true one, with half a
second of slack. Bigeminy and trigeminy are also right where three repeats in the annotated beats
show them, though the annotators gave them no name. Alarms of high priority without a cause are
counted by the hour, on these records and on the noise-stress records.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.af import annotated
from teleward_gateway.bench.accuracy.ecg import NOISY, detect
from teleward_signal.banks.bank import EventKind
from teleward_signal.ecg.rhythm import ASYSTOLE_S, PAUSE_S, RUN_PER_MIN
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_simulators.recordings.wfdb_files import (
    Annotations,
    has_samples,
    read_record,
    records,
)

SLACK_S = 0.5
SLOW_PER_MIN, FAST_PER_MIN = 50.0, 120.0
"""The defaults of `ecg.EcgBank`."""
RATE_BEATS = 8
NAMED = {
    "AFIB": Rhythm.ATRIAL_FIBRILLATION,
    "B": Rhythm.BIGEMINY,
    "T": Rhythm.TRIGEMINY,
    "VFL": Rhythm.VENTRICULAR_FIBRILLATION,
    "VFIB": Rhythm.VENTRICULAR_FIBRILLATION,
    "VF": Rhythm.VENTRICULAR_FIBRILLATION,
    "ASYS": Rhythm.ASYSTOLE,
}
GRAVE = (
    Rhythm.ASYSTOLE,
    Rhythm.WIDE_TACHYCARDIA,
    Rhythm.VENTRICULAR_TACHYCARDIA,
    Rhythm.VENTRICULAR_FIBRILLATION,
)
"""Rhythms of high priority, whose false alarms tire the staff."""
Spans = list[tuple[int, int]]
Episodes = dict[Rhythm, Spans]


def rows(folder: Path) -> dict[str, Any]:
    """Measure every WFDB record below ``folder`` whose annotations name rhythms."""
    counted, hours = [], 0.0
    for header, marks in annotated(folder):
        if not has_samples(header):
            continue
        record = read_record(header)
        ecg = record.signals[:, 0].astype(np.float32)
        events = reported(detect(ecg, record.fs), len(ecg))
        truth = true_episodes(marks, record.fs, len(ecg))
        counts = judge(truth, events, record.fs, unnamed_patterns(marks))
        counted.append({"record": header.stem, **counts})
        hours += len(ecg) / record.fs / 3600
    return {"records": counted, "hours": hours, "noise": _noise(folder)}


def _noise(folder: Path) -> dict[str, Any]:
    """Count the grave rhythms reported on noise-stress records, whose heart has none of them."""
    reports, hours = dict.fromkeys(GRAVE, 0), 0.0
    for header in records(folder):
        if NOISY.search(header.stem):
            record = read_record(header)
            ecg = record.signals[:, 0].astype(np.float32)
            events = reported(detect(ecg, record.fs), len(ecg))
            hours += len(ecg) / record.fs / 3600
            for rhythm in GRAVE:
                reports[rhythm] += len(events.get(rhythm, []))
    return {"hours": hours, **{rhythm.name.lower(): count for rhythm, count in reports.items()}}


def judge(
    truth: Episodes, events: Episodes, fs: float, unnamed: Episodes | None = None
) -> dict[str, tuple[int, int, int, int]]:
    """Return by rhythm: true episodes, found ones, reported ones, right ones.

    What is reported may also meet an ``unnamed`` episode, which need not be found.
    """
    slack = round(SLACK_S * fs)
    counts = {}
    for rhythm in Rhythm:
        real, reports = truth.get(rhythm, []), events.get(rhythm, [])
        found = sum(_meets(span, reports, slack) for span in real)
        known = real + (unnamed or {}).get(rhythm, [])
        right = sum(_meets(span, known, slack) for span in reports)
        if real or reports:
            counts[rhythm.name.lower()] = (len(real), found, len(reports), right)
    return counts


def reported(events: NDArray[np.void], end: int) -> Episodes:
    """Return the episodes that the engine reported up to sample ``end``."""
    spans: Episodes = {}
    begun: dict[Rhythm, int] = {}
    for event in events[np.isin(events["kind"], (EventKind.RHYTHM_ON, EventKind.RHYTHM_OFF))]:
        rhythm = Rhythm(int(event["symbol"]))
        if event["kind"] == EventKind.RHYTHM_ON:
            begun[rhythm] = int(event["sample"])
        else:
            spans.setdefault(rhythm, []).append((begun.pop(rhythm), int(event["sample"])))
    for rhythm, start in begun.items():
        spans.setdefault(rhythm, []).append((start, end))
    return spans


def true_episodes(marks: Annotations, fs: float, end: int) -> Episodes:
    """Return what the annotators marked, and what follows from their beats."""
    samples, symbols = marks.beats()
    spans: Episodes = {}
    named = [(int(at), text[1:]) for at, text in zip(marks.samples, marks.notes, strict=True)
             if text.startswith("(")]  # fmt: skip
    for (start, name), stop in zip(named, [at for at, _ in named[1:]] + [end], strict=True):
        if name in NAMED:
            spans.setdefault(NAMED[name], []).append((start, stop))
    if waves := marks.spans("[", "]"):
        spans[Rhythm.VENTRICULAR_FIBRILLATION] = waves
    intervals = np.diff(samples) / fs
    for rhythm, least in ((Rhythm.PAUSE, PAUSE_S), (Rhythm.ASYSTOLE, ASYSTOLE_S)):
        long = np.flatnonzero(intervals >= least)
        spans.setdefault(rhythm, []).extend((int(samples[k]), int(samples[k + 1])) for k in long)
    wide = np.isin(symbols, ("V", "E"))
    for rhythm, least in ((Rhythm.VENTRICULAR_RUN, 3), (Rhythm.VENTRICULAR_TACHYCARDIA, 6)):
        spans[rhythm] = _runs(samples, wide, fs, int(least))
    if len(intervals) >= RATE_BEATS:
        spans |= _rates(samples, intervals, wide)
    return spans


def unnamed_patterns(marks: Annotations) -> Episodes:
    """Return where every second or third annotated beat is ventricular, three times in a row."""
    samples, symbols = marks.beats()
    wide = np.isin(symbols, ("V", "E"))
    spans: Episodes = {}
    for rhythm, period in ((Rhythm.BIGEMINY, 2), (Rhythm.TRIGEMINY, 3)):
        n = 3 * period
        if len(wide) < n:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(wide, n)
        fits = (windows == np.tile(windows[:, :period], 3)).all(1) & (windows.sum(1) == 3)
        spans[rhythm] = [
            (int(samples[first]), int(samples[last + n - 1])) for first, last in _spans(fits)
        ]
    return spans


def table(result: dict[str, Any]) -> str:
    """Print each rhythm over all records, the records that have it, and the false alarms."""
    lines = ["rhythm events, by episode              true found    Se  shown right   PPV  records"]
    for rhythm in Rhythm:
        name = rhythm.name.lower()
        each = [(row["record"], row[name]) for row in result["records"] if name in row]
        if not each:
            continue
        real, found, reports, right = np.sum([counts for _, counts in each], axis=0)
        detail = " ".join(
            f"{record}:{f}/{r}{f'+{t - g}' if t > g else ''}" for record, (r, f, t, g) in each
        )
        lines.append(
            f"  {name:<35} {real:5d} {found:5d} {_percent(found, real)} {reports:6d} {right:5d} "
            f"{_percent(right, reports)}  {detail}"
        )
    for rhythm in GRAVE:
        name = rhythm.name.lower()
        parts = [row[name] for row in result["records"] if name in row]
        false = sum(reports - right for _, _, reports, right in parts)
        lines.append(
            f"  {name} without a cause: {false} in {result['hours']:.1f} h; "
            f"in noise {result['noise'][name]} in {result['noise']['hours']:.1f} h"
        )
    lines.append("  (record:found/true+false)")
    return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:5.1f}" if whole else "    -"


def _meets(span: tuple[int, int], others: Spans, slack: int) -> bool:
    return any(start <= span[1] + slack and end >= span[0] - slack for start, end in others)


def _spans(member: NDArray[np.bool_]) -> Spans:
    """Return first and last index of each stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], member, [False]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _runs(samples: NDArray[np.int64], wide: NDArray[np.bool_], fs: float, least: int) -> Spans:
    """Return runs of ``least`` or more ventricular beats at a rate of a tachycardia."""
    runs = []
    for first, last in _spans(wide):
        if last - first + 1 >= least:
            rate = 60 * fs * (last - first) / (samples[last] - samples[first])
            if rate >= RUN_PER_MIN:
                runs.append((int(samples[first]), int(samples[last])))
    return runs


def _rates(
    samples: NDArray[np.int64], intervals: NDArray[np.float64], wide: NDArray[np.bool_]
) -> Episodes:
    """Return stretches whose mean rate over eight intervals is outside the limits."""
    sums = np.convolve(intervals, np.ones(RATE_BEATS), "valid")
    rate = 60 * RATE_BEATS / sums
    mostly_wide = np.convolve(wide[1:], np.ones(RATE_BEATS), "valid") >= RATE_BEATS / 2 + 1
    conditions = {
        Rhythm.BRADYCARDIA: rate < SLOW_PER_MIN,
        Rhythm.TACHYCARDIA: (rate > FAST_PER_MIN) & ~mostly_wide,
        Rhythm.WIDE_TACHYCARDIA: (rate > FAST_PER_MIN) & mostly_wide,
    }
    return {
        rhythm: [
            (int(samples[first]), int(samples[last + RATE_BEATS]))
            for first, last in _spans(condition)
        ]
        for rhythm, condition in conditions.items()
    }
