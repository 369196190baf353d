"""WFDB records and EDF or BDF files as drafts: a block of a second each, marks beside them.

Files that Teleward exported state metric, device, scale and begin exactly. Of others the names of
the signals are looked up, counts that stand for "no sample" become holes, and what is no wave that
a device could measure is left out.
"""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_cloud.exports.edf_header import label_of
from teleward_cloud.exports.times import parse_ns
from teleward_cloud.exports.wfdb import SIMULATED
from teleward_cloud.exports.wfdb_annotations import CODES
from teleward_signal.errors import Invalid
from teleward_signal.record import Draft, RecordKind
from teleward_signal.vocabulary import METRICS, MetricKind
from teleward_simulators.recordings.edf_files import read_edf
from teleward_simulators.recordings.wfdb_files import Counts, read_annotations, read_counts
from teleward_simulators.wfdb_source import metric_of, unit_factor

NOTE = '"'
_NS = 1_000_000_000
_LABELS = {label_of(name): name for name, m in METRICS.items() if m.kind is MetricKind.WAVEFORM}
_EDF_UNITS = {"degC": "Cel", "": "1", "m/s^2": "m/s2", "mmHg": "mm[Hg]"}


def wfdb_drafts(
    header: Path, subject: str, at_ns: int | None, marks: bool
) -> Iterator[tuple[Draft, bool]]:
    """Yield the drafts of one record, and whether its header states that it is simulated.

    ``at_ns`` is its begin where the header has no date; ``marks`` reads NAME.atr too.
    """
    known = _stated(read_counts(header).comments)
    record = read_counts(header, holes=not known)
    start_ns = _begin(header, record, at_ns)
    is_simulated = any(SIMULATED in comment for comment in record.comments)
    first_ecg = None
    for number, (label, (gain, zero, unit)) in enumerate(
        zip(record.channels, record.gains, strict=True)
    ):
        own = known.get(number)
        if own is None:
            metric = metric_of(label, number)
            if not metric:
                continue
            factor = unit_factor(header, metric, unit)
            own = {"metric": metric, "device": None, "fs": record.fs, "scale": factor / gain,
                   "offset": -zero * factor / gain}  # fmt: skip
        own = own | {"fs": record.fs}
        first_ecg = first_ecg or (own["metric"] if own["metric"].startswith("ecg") else None)
        for draft in _blocks(record.counts[:, number], start_ns, own, subject):
            yield draft, is_simulated
    annotations = header.with_suffix(".atr")
    if marks and annotations.exists():
        found = read_annotations(annotations)
        rate = found.rate or record.fs
        for sample, symbol, note in zip(found.samples, found.symbols, found.notes, strict=True):
            time_ns = start_ns + round(int(sample) / rate * _NS)
            yield _mark(subject, time_ns, None, str(symbol), note, first_ecg), is_simulated


def edf_drafts(path: Path, subject: str, marks: bool) -> Iterator[tuple[Draft, bool]]:
    """Yield the drafts of one EDF or BDF file, and whether it states that it is simulated."""
    recording = read_edf(path)
    first_ecg = None
    for number, signal in enumerate(recording.signals):
        metric = _LABELS.get(signal.label) or metric_of(signal.label, number)
        if not metric:
            continue
        unit = _EDF_UNITS.get(signal.unit, signal.unit)
        factor = 1.0 if unit == METRICS[metric].unit else unit_factor(path, metric, unit)
        own = {"metric": metric, "device": signal.device or None, "fs": signal.fs,
               "scale": signal.scale * factor, "offset": signal.offset * factor,
               "dtype": "int32" if signal.is_wide else "int16"}  # fmt: skip
        first_ecg = first_ecg or (metric if metric.startswith("ecg") else None)
        for draft in _blocks(signal.counts, recording.start_ns, own, subject):
            yield draft, recording.is_simulated
    for mark in recording.marks if marks else ():
        symbol, _, label = mark.text.partition(" ")
        if symbol not in CODES:
            symbol, label = NOTE, mark.text
        draft = _mark(subject, mark.time_ns, mark.until_ns, symbol, label, first_ecg)
        yield draft, recording.is_simulated


def _stated(comments: tuple[str, ...]) -> dict[int, dict[str, Any]]:
    """Return what Teleward wrote of each channel of a record."""
    found = {}
    for comment in comments:
        word, _, rest = comment.partition(" ")
        number, _, text = rest.partition(": ")
        if word == "teleward" and number.isdigit():
            found[int(number)] = json.loads(text)
    return found


def _begin(header: Path, record: Counts, at_ns: int | None) -> int:
    for comment in record.comments:
        if comment.startswith("begin: "):
            return parse_ns(comment.removeprefix("begin: "))
    if len(record.start) == 2:
        clock, date = record.start
        try:
            day = datetime.strptime(date, "%d/%m/%Y").replace(tzinfo=UTC)
            return parse_ns(f"{day:%Y-%m-%d}T{clock}Z")
        except ValueError as error:
            raise Invalid(f"{header}: {clock} {date} is no time") from error
    if at_ns is None:
        raise Invalid(f"{header} states no date: give its begin with --at")
    return at_ns


def _blocks(
    counts: NDArray[Any], start_ns: int, own: dict[str, Any], subject: str
) -> Iterator[Draft]:
    """Yield the samples of a signal a second at a time, without its holes (NaN)."""
    fs = float(own["fs"])
    if not (math.isfinite(fs) and fs > 0):
        raise Invalid(f"{own['metric']} has a rate of {fs} Hz")
    dtype = own.get("dtype") or _dtype_of(counts)
    step = max(1, round(fs))
    payload = {"fs": fs, "scale": own["scale"], "offset": own["offset"], "dtype": dtype}
    is_known = np.isfinite(counts)
    # a block ends at a hole, and a second after its begin
    edges = np.flatnonzero(np.diff(is_known.astype(np.int8))) + 1
    for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(counts)], strict=True):
        if begin == end or not is_known[begin]:
            continue
        for first in range(begin, end, step):
            piece = counts[first : min(end, first + step)].astype(
                "<i2" if dtype == "int16" else "<i4"
            )
            yield Draft(
                RecordKind.WAVEFORM, subject, own["device"], own["metric"],
                start_ns + round(first / fs * _NS), 0, payload | {"index": first}, piece.tobytes(),
            )  # fmt: skip


def _dtype_of(counts: NDArray[Any]) -> str:
    largest = float(np.nanmax(np.abs(counts))) if np.isfinite(counts).any() else 0.0
    return "int16" if largest < 2**15 else "int32"


def _mark(
    subject: str, time_ns: int, until_ns: int | None, symbol: str, label: str, metric: str | None
) -> Draft:
    payload: dict[str, Any] = {"symbol": symbol or NOTE}
    if label:
        payload["label"] = label
    if until_ns is not None:
        payload["until_ns"] = until_ns
    about = None if symbol == NOTE else metric
    return Draft(RecordKind.ANNOTATION, subject, None, about, time_ns, 0, payload)
