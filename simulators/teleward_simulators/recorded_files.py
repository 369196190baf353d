"""EDF and BDF files, and the CSV tables of an export, as patients (`RecordedSource`).

Stretches of one metric are joined with their holes between them. Where two devices recorded the
same metric, the first one is taken.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS
from teleward_simulators.recorded_source import RecordedSource, Wave
from teleward_simulators.recordings.edf_files import EdfRecording, read_edf
from teleward_simulators.recordings.wfdb_files import BEATS
from teleward_simulators.wfdb_source import metric_of, unit_factor

_NS = 1_000_000_000
_LONGEST_S = 86_400
"""A live device replays a day at most: its samples are in memory."""
_UNITS = {"degC": "Cel", "": "1", "m/s^2": "m/s2"}
Piece = tuple[str, str, float, int, NDArray[np.float32]]
"""Metric, device, rate in Hz, begin in UTC ns, and values."""


def edf_source(path: Path) -> RecordedSource:
    """Return the patient of an EDF or BDF file, or of a folder of them."""
    files = [path] if path.is_file() else sorted([*path.glob("*.edf"), *path.glob("*.bdf")])
    if not files:
        raise Invalid(f"{path} has no .edf or .bdf file")
    recordings = [read_edf(file) for file in files]
    begin_ns = min(recording.start_ns for recording in recordings)
    waves = _joined((piece for each in recordings for piece in _edf_pieces(each)), begin_ns)
    marks = [mark for each in recordings for mark in each.marks]
    beats = sorted({m.time_ns for m in marks if m.text.split(" ")[0] in BEATS})
    return _source(path, waves, (np.array(beats) - begin_ns) / _NS, {})


def csv_source(folder: Path) -> RecordedSource:
    """Return the patient of the tables of an export: waves, values and beats."""
    csv.field_size_limit(sys.maxsize)
    pieces, values, beats = [], [], []
    for row in _rows(folder / "waveforms.csv"):
        counts = np.array(row["samples"].split(), np.float64)
        samples = counts * float(row["scale"]) + float(row["offset"])
        piece = (row["metric"], row["device"], float(row["fs"]), _ns(row["time"]))
        pieces.append((*piece, samples.astype(np.float32)))
    for row in _rows(folder / "measurements.csv"):
        number = float(row["value"]) if row["value"] else np.nan
        values.append((row["metric"], _ns(row["time"]), number))
    for row in _rows(folder / "annotations.csv"):
        if row["symbol"] in BEATS:
            beats.append(_ns(row["time"]))
    times = [each[3] for each in pieces] + [each[1] for each in values]
    if not times:
        raise Invalid(f"{folder} has no waveforms.csv or measurements.csv with rows")
    begin_ns = min(times)
    numbers = {}
    for metric in {each[0] for each in values}:
        own = sorted((at - begin_ns, number) for name, at, number in values if name == metric)
        at_s, found = np.array(own, np.float64).T
        numbers[metric] = (at_s / _NS, found)
    waves = _joined(pieces, begin_ns)
    return _source(folder, waves, (np.array(beats, np.float64) - begin_ns) / _NS, numbers)


def _source(
    path: Path,
    waves: dict[str, Wave],
    beats_s: NDArray[np.float64],
    values: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> RecordedSource:
    if not waves and not values:
        raise Invalid(f"{path}: none of its signals is a wave that a device could measure")
    return RecordedSource(waves, beats_s, values)


def _edf_pieces(recording: EdfRecording) -> Iterator[Piece]:
    for number, signal in enumerate(recording.signals):
        metric = metric_of(signal.label, number)
        if metric:
            unit = _UNITS.get(signal.unit, signal.unit)
            is_own = unit == METRICS[metric].unit
            factor = 1.0 if is_own else unit_factor(recording.path, metric, unit)
            values = ((signal.counts * signal.scale + signal.offset) * factor).astype(np.float32)
            yield metric, signal.device, signal.fs, recording.start_ns, values


def _joined(pieces: Iterable[Piece], begin_ns: int) -> dict[str, Wave]:
    """Return the pieces of each metric as one wave, NaN where there was nothing."""
    chosen: dict[str, tuple[str, float]] = {}
    placed: dict[str, list[tuple[int, NDArray[np.float32]]]] = {}
    for metric, device, fs, time_ns, values in pieces:
        own = chosen.setdefault(metric, (device, fs))
        # a measured rate differs a little from file to file: one wave has one rate
        if own[0] != device or abs(own[1] / fs - 1) > 5e-3:
            continue
        first = round((time_ns - begin_ns) / _NS * own[1])
        if first + len(values) > _LONGEST_S * own[1]:
            raise Invalid(f"{metric} is longer than a day: export a shorter range for a device")
        placed.setdefault(metric, []).append((first, values))
    waves = {}
    for metric, parts in placed.items():
        samples = np.full(max(at + len(part) for at, part in parts), np.nan, np.float32)
        for at, part in parts:
            samples[at : at + len(part)] = part
        waves[metric] = Wave(chosen[metric][1], samples)
    return waves


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.exists():
        return
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        try:
            yield from rows
        except (csv.Error, UnicodeDecodeError) as error:
            raise Invalid(f"{path}, line {rows.line_num}: {error}") from error


def _ns(text: str) -> int:
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * _NS + int(fraction.ljust(9, "0") or 0)
