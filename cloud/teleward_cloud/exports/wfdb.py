"""WFDB records of PhysioNet, one a stretch: header, samples and annotations.

    NAME.hea   text: rate, begin, and gain, unit and checksum of each signal
    NAME.dat   format 16 (int16) or 32 (int32), channels interleaved: the counts of the device
    NAME.atr   beats, rhythms, notes and alarms (`wfdb_annotations`)
    RECORDS    the names of all records

https://physionet.org/physiotools/wag/header-5.htm, signal-5.htm. Readers lose the holes of records
of several segments, so that every stretch is a record of its own; ``gaps.csv`` has the holes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from teleward_cloud.exports.csv_tables import json_text
from teleward_cloud.exports.edf_header import DIMENSIONS
from teleward_cloud.exports.marks import Mark
from teleward_cloud.exports.signal_files import SignalWriter
from teleward_cloud.exports.stretches import Channel, Counts, Stretch
from teleward_cloud.exports.times import iso_ns
from teleward_cloud.exports.wfdb_annotations import AnnotationFile
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.model import Provenance
from teleward_signal.vocabulary import METRICS

FORMATS = {"int16": ("16", 16, "<i2"), "int32": ("32", 32, "<i4")}
"""Format, bits of the converter and type of the samples, by the type of a stream."""
DESCRIPTIONS = {
    "pleth": "PLETH", "respiration": "RESP", "arterial_pressure": "ABP", "capnogram": "CO2",
}  # fmt: skip
"""Names of signals as PhysioNet's records have them; leads have their own."""
UNITS = {**DIMENSIONS, "1": "NU"}
SIMULATED = "SIMULATED: these are no signals of a person"
_NS = 1_000_000_000


class WfdbFile:
    """One stretch as a record."""

    def __init__(self, writer: "WfdbWriter", stretch: Stretch, name: str) -> None:
        self._scope, self._stretch, self._name = writer.scope, stretch, name
        self.names = [name]
        self._annotations = AnnotationFile(stretch)
        self._sums = np.zeros(len(stretch.channels), np.int64)
        self._first: list[int] | None = None
        self._kind = FORMATS[stretch.channels[0].dtype]

    def samples(self, counts: Counts, marks: list[Mark]) -> Iterator[Part]:
        """Return the bytes of samples."""
        if self._first is None:
            self._first = counts[:, 0].tolist()
        self._sums += counts.sum(axis=1, dtype=np.int64)
        for mark in marks:
            self._annotations.add(mark)
        yield Part(f"{self._name}.dat", counts.T.astype(self._kind[2]).tobytes())

    def end(self) -> Iterator[Part]:
        """Return header and annotations: only now their figures are known."""
        yield Part(f"{self._name}.hea", self._header().encode())
        annotations = self._annotations.packed()
        if annotations:
            yield Part(f"{self._name}.atr", annotations)

    def _header(self) -> str:
        stretch = self._stretch
        start = datetime.fromtimestamp(stretch.start_ns // _NS, UTC)
        rate = f"{_NS / stretch.period_ns:.10g}"
        fraction = f"{stretch.start_ns % _NS // 1000:06d}"
        lines = [
            f"{self._name} {len(stretch.channels)} {rate} {stretch.done}"
            f" {start:%H:%M:%S}.{fraction} {start:%d/%m/%Y}"
        ]
        form, bits, _ = self._kind
        for channel, total, first in zip(
            stretch.channels, self._sums.tolist(), self._first or (), strict=True
        ):
            checksum = (total + 2**15) % 2**16 - 2**15
            lines.append(
                f"{self._name}.dat {form} {gain_of(channel)} {bits} 0 {first} {checksum} 0"
                f" {description_of(channel.metric)}"
            )
        return "\n".join([*lines, *self._comments()]) + "\n"

    def _comments(self) -> Iterator[str]:
        """Yield what the fixed fields cannot hold, for people and for an import."""
        if self._scope.provenance is Provenance.SIMULATED:
            yield f"# {SIMULATED}"
        yield f"# subject: {self._scope.subject.id}"
        yield f"# begin: {iso_ns(self._stretch.start_ns)}"
        for number, channel in enumerate(self._stretch.channels):
            yield f"# teleward {number}: {json_text(channel._asdict())}"


def gain_of(channel: Channel) -> str:
    """Return counts a unit, the count of zero, and the unit, as a header has them."""
    scale = channel.scale or 1.0
    unit = METRICS[channel.metric].unit if channel.metric in METRICS else ""
    return f"{1 / scale:.12g}({round(-channel.offset / scale)})/{UNITS.get(unit, unit) or 'NU'}"


def description_of(metric: str) -> str:
    """Return the name of a signal as records of PhysioNet have it."""
    if metric.startswith("ecg_") and metric in METRICS:
        return METRICS[metric].label
    return DESCRIPTIONS.get(metric, metric)


class WfdbWriter(SignalWriter):
    """Writes every stretch as a record."""

    def open_file(self, stretch: Stretch, name: str) -> WfdbFile:
        """Return the record of a stretch."""
        return WfdbFile(self, stretch, name)

    def finish(self) -> Iterator[Part]:
        """Return the rest, and the list of all records."""
        yield from super().finish()
        yield Part("RECORDS", "".join(f"{name}\n" for name in self.names()).encode())


def make_writer(scope: Scope) -> WfdbWriter:
    """Return the writer of WFDB records."""
    return WfdbWriter(scope)
