"""Text lines of a sketch, described by options instead of code: the declarative driver.

    512\\n                       one number a line: an AD8232 sketch, 250 lines a second
    512,513\\n  !\\n              two columns; "!" says that a lead is off
    HR=72, SPO2=98, TEMP=36.6\\n key and value

In the settings file:

    [devices.sketch]
    driver = "text"
    [devices.sketch.options]
    separator = ","
    rate = 250.0
    sentinels = [-999]
    markers = { "!" = "lead_off" }
    columns = [
      { metric = "ecg_ii", scale = 0.00322, offset = -1.65 },
      { metric = "heart_rate", key = "HR" },
      { skip = true },
    ]

A waveform column makes samples at ``rate``, a numeric column one value a second: the median of its
lines, since there is no checksum. The first line after a start is not trusted; a line that does
not fit whole is discarded.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from teleward_drivers.decoder import StreamDecoder
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
)
from teleward_drivers.lines import LineSplitter
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.oximeter_stream import STALE_NS
from teleward_drivers.plausible import measurement
from teleward_drivers.voting import Claim, Vote
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, SampleBlock
from teleward_signal.vocabulary import METRICS, MetricKind

MAX_LINE = 256
"""Sketches print a few numbers; more without a line end is a wrong baud rate."""
_NUMBER = re.compile(r"[-+]?\d{1,9}(\.\d{1,6})?")
_PAIR = re.compile(r"\s*[=:]\s*")
_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column: physical value = number x scale + offset; no metric means skip."""

    metric: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    key: str | None = None
    decimals: int = 0
    """Digits after the point that a waveform column keeps."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the lines of one sketch look like."""

    columns: tuple[Column, ...]
    separator: str = ","
    rate: float = 1.0
    sentinels: frozenset[float] = frozenset()
    markers: Mapping[str, str] | None = None

    @property
    def keyed(self) -> bool:
        """Whether the lines are pairs of key and value."""
        return any(column.key for column in self.columns)

    def parse(self, line: str) -> "list[float] | str | None":
        """Return the numbers of the columns, a marker's fault, or ``None`` for another line."""
        text = line.strip()
        if self.markers and text in self.markers:
            return self.markers[text]
        split = text.split(self.separator) if self.separator.strip() else text.split()
        parts = [part.strip() for part in split]
        if self.keyed:
            pairs = dict(_PAIR.split(part, maxsplit=1) for part in parts if _PAIR.search(part))
            parts = [pairs.get(column.key or "", "") for column in self.columns]
        if len(parts) != len(self.columns):
            return None
        numbers = []
        for part, column in zip(parts, self.columns, strict=True):
            if column.metric is not None and not _NUMBER.fullmatch(part):
                return None
            numbers.append(0.0 if column.metric is None else float(part))
        return numbers

    def line(self, numbers: Iterable[float]) -> bytes:
        """Return one line (for simulated devices)."""
        texts = [f"{n:.{c.decimals}f}" for n, c in zip(numbers, self.columns, strict=True)]
        if self.keyed:
            texts = [f"{c.key}={t}" for c, t in zip(self.columns, texts, strict=True)]
        return self.separator.join(texts).encode() + b"\r\n"


class TextDecoder(StreamDecoder[LineSplitter]):
    """Bytes of the stream in, rows of numbers or fault names out."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(LineSplitter(MAX_LINE))

    def feed(self, data: bytes) -> list[list[float] | str | Discarded]:
        """Take bytes in any pieces; never raises."""
        out: list[list[float] | str | Discarded] = []
        for line in self._stream.feed(data):
            if isinstance(line, Discarded):
                out.append(line)
                continue
            row = self._layout.parse(line)
            out.append(self._stream.refuse(line, "not_a_line") if row is None else row)
        return out


class TextSketch:
    """The driver of one layout."""

    def __init__(self, layout: Layout) -> None:
        self.decoder = TextDecoder(layout)
        self._layout = layout
        self._vote = Vote(round(layout.rate))
        self._index = 0
        self._fault: str | None = None
        self._received_ns: int | None = None
        kinds = [(c, METRICS[c.metric].kind) for c in layout.columns if c.metric]
        self._numerics = [c for c, kind in kinds if kind is MetricKind.NUMERIC]
        self._waves = [c for c, kind in kinds if kind is MetricKind.WAVEFORM]

    def start(self, now_ns: int) -> Iterable[Output]:
        """The sketch speaks by itself."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        rows: list[list[float]] = []
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield from self._blocks(rows)
                rows = []
                # what is not a line of the sketch stood for one sample
                self._index += piece.reason == "not_a_line"
                yield piece
                continue
            self._received_ns = received.time_ns
            fault = piece if isinstance(piece, str) else None
            if fault != self._fault:
                self._fault = fault
                yield DeviceStatus(faults=frozenset({fault} if fault else ()))
            if isinstance(piece, str):
                yield from self._blocks(rows)
                rows = []
                # a marker stands for one sample that was not taken
                self._index += 1
                yield from self._vote.add({str(c.metric): piece for c in self._numerics})
                continue
            yield from self._vote.add(self._claims(piece))
            if self._lacks_sample(piece):
                yield from self._blocks(rows)
                rows = []
                self._index += 1
            else:
                rows.append(piece)
        yield from self._blocks(rows)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report once that the last values are stale."""
        if self._received_ns is not None and now_ns - self._received_ns >= STALE_NS:
            self._received_ns = None
            for column in self._numerics:
                yield measurement(str(column.metric), None, "no_data")

    def _lacks_sample(self, row: list[float]) -> bool:
        """Return whether a waveform column holds a number that means no value."""
        pairs = zip(row, self._layout.columns, strict=True)
        return any(n in self._layout.sentinels for n, column in pairs if column in self._waves)

    def _claims(self, row: list[float]) -> dict[str, Claim]:
        claims: dict[str, Claim] = {}
        for number, column in zip(row, self._layout.columns, strict=True):
            if column in self._numerics:
                missing = number in self._layout.sentinels
                value = round(number * column.scale + column.offset, 6)
                claims[str(column.metric)] = "missing" if missing else value
        return claims

    def _blocks(self, rows: list[list[float]]) -> Iterable[Output]:
        if not rows:
            return
        table = np.array(rows, np.float64)
        for at, column in enumerate(self._layout.columns):
            if column in self._waves:
                factor = 10**column.decimals
                counts = np.clip(np.round(table[:, at] * factor), -_INT32, _INT32)
                yield SampleBlock(
                    str(column.metric),
                    self._layout.rate,
                    counts.astype(np.int32),
                    column.scale / factor,
                    self._index,
                    column.offset,
                )
        self._index += len(rows)


OPTIONS: dict[str, tuple[type, Any]] = {
    "columns": (list, None),
    "separator": (str, ","),
    "rate": (float, 1.0),
    "sentinels": (list, []),
    "markers": (dict, {}),
}
COLUMN_OPTIONS: dict[str, tuple[type, Any]] = {
    "metric": (str, None),
    "scale": (float, 1.0),
    "offset": (float, 0.0),
    "key": (str, None),
    "decimals": (int, 0),
    "skip": (bool, False),
}


def _column(number: int, options: dict[str, Any]) -> Column:
    if not isinstance(options, dict):
        raise Invalid(
            f"driver text: column {number} must be a table such as {{metric = ...}}, "
            f"not {options!r}"
        )
    chosen = read_options(f"text, column {number}", options, COLUMN_OPTIONS)
    if chosen.pop("skip"):
        return Column()
    if chosen["metric"] is None:
        raise Invalid(f"driver text: column {number}: give its metric, or set skip = true")
    if chosen["metric"] not in METRICS:
        raise Invalid(
            f"driver text: column {number}: no metric {chosen['metric']!r}; "
            "name one of the vocabulary or set skip = true"
        )
    if not isfinite(chosen["scale"]) or chosen["scale"] == 0 or not isfinite(chosen["offset"]):
        raise Invalid(f"driver text: column {number}: scale is a number other than 0")
    if not 0 <= chosen["decimals"] <= 6:
        raise Invalid(f"driver text: column {number}: decimals must be 0 to 6")
    return Column(**chosen)


def layout(options: dict[str, Any]) -> Layout:
    """Check options and return the layout; ValueError names what is wrong."""
    chosen = read_options("text", options, OPTIONS)
    if not chosen["columns"]:
        raise Invalid("driver text: columns must list at least one column")
    columns = tuple(_column(i, column) for i, column in enumerate(chosen["columns"], 1))
    metrics = [column.metric for column in columns if column.metric]
    if len(set(metrics)) != len(metrics) or not metrics:
        raise Invalid("driver text: columns must name different metrics, at least one")
    if not 0.01 <= chosen["rate"] <= 10_000:
        raise Invalid(f"driver text: rate must be 0.01 to 10000 Hz, not {chosen['rate']}")
    if not chosen["separator"]:
        raise Invalid("driver text: separator must not be empty")
    sentinels = frozenset(float(number) for number in chosen["sentinels"])
    rate, separator = float(chosen["rate"]), chosen["separator"]
    return Layout(columns, separator, rate, sentinels, chosen["markers"])


def rates(options: dict[str, Any]) -> dict[str, float]:
    """Return the rate in Hz of each waveform column."""
    chosen = layout(options)
    metrics = [column.metric for column in chosen.columns if column.metric]
    return {m: chosen.rate for m in metrics if METRICS[m].kind is MetricKind.WAVEFORM}


def make(options: dict[str, Any]) -> TextSketch:
    """Return a driver."""
    return TextSketch(layout(options))


DRIVER = DriverInfo(
    name="text",
    title="Text lines of a sketch, described in the settings",
    link=LinkType.SERIAL,
    verification=Verification.SIMULATOR,
    source="formats of AD8232 and MAX30102 example sketches",
    make=make,
    rates=rates,
    metrics=frozenset(METRICS),
    serial=SerialSettings(115200),
    options={
        "columns": "list of {metric, scale, offset, decimals, key} or {skip = true}",
        "separator": "between the columns (',')",
        "rate": "lines a second (1.0)",
        "sentinels": "numbers that mean no value ([])",
        "markers": "lines that mean a fault, such as {'!' = 'lead_off'} ({})",
    },
)
