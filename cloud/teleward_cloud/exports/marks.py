"""Marks of a recording: beats, rhythms, notes and alarms as short texts beside the samples.

They arrive before the samples that they belong to are written, and wait here until then.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from teleward_cloud.exports.stretches import Stretch
from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS, MetricKind

NOTE = '"'
"""WFDB's symbol of a comment."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: WFDB symbol, text, and the signal that it is about, None for all; UTC ns."""

    time_ns: int
    until_ns: int | None
    symbol: str
    text: str
    metric: str | None


def mark_of(record: Record) -> Mark | None:
    """Return the mark that a record makes; None for kinds that make none."""
    known = record.payload
    if record.kind is RecordKind.ANNOTATION:
        symbol, label = str(known.get("symbol") or NOTE), clean(str(known.get("label") or ""))
        until = known.get("until_ns")
        return Mark(record.time_ns, until, symbol, label, _wave(record.metric))
    if record.kind is RecordKind.ALARM:
        presence, text = known.get("presence", "on"), known.get("text") or known.get("condition")
        return Mark(record.time_ns, None, NOTE, clean(f"alarm {presence}: {text}"), None)
    return None


def clean(text: str) -> str:
    """Return a text without control characters, which separate marks in files."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _wave(metric: str | None) -> str | None:
    known = METRICS.get(metric or "")
    return metric if known is not None and known.kind is MetricKind.WAVEFORM else None


class Marks:
    """Marks that wait for the samples beside them, in order of time."""

    def __init__(self) -> None:
        self._waiting: deque[Mark] = deque()

    def add(self, mark: Mark) -> None:
        """Take the next mark."""
        self._waiting.append(mark)

    def within(self, stretch: Stretch, start_ns: int, end_ns: int) -> Iterator[Mark]:
        """Yield the marks of ``[start_ns, end_ns)`` that concern a stretch."""
        metrics = {channel.metric for channel in stretch.channels}
        for mark in self._waiting:
            if mark.time_ns >= end_ns:
                return
            if mark.time_ns >= start_ns and (mark.metric is None or mark.metric in metrics):
                yield mark

    def forget(self, before_ns: int) -> None:
        """Drop the marks before a time: all samples beside them are written."""
        while self._waiting and self._waiting[0].time_ns < before_ns:
            self._waiting.popleft()
