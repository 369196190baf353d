"""From the messages of drivers and the signal engine to drafts; waveform blocks joined.

A waveform draft's payload: ``fs`` Hz, ``scale`` and ``offset`` to the metric's unit, ``index`` of
the first sample, ``dtype`` ``int16`` or ``int32``, ``gap_samples`` lost just before it (left out
when none were).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.row import is_wave
from teleward_signal.model import Measurement, SampleBlock, Source
from teleward_signal.record import Draft, RecordKind
from teleward_signal.vocabulary import METRICS

_NS = 1_000_000_000
_SAME = ("fs", "scale", "offset", "dtype")
_WIDTH = {"int16": 2, "int32": 4}


def waveform_draft(
    subject: str | None, device: str | None, block: SampleBlock, gap_samples: int = 0
) -> Draft:
    """Return the draft of a stamped block; ``gap_samples`` were lost just before it."""
    dtype = "int16" if block.samples.dtype.itemsize == 2 else "int32"
    payload: dict[str, Any] = {
        "fs": block.fs,
        "scale": block.scale,
        "offset": block.offset,
        "index": block.index,
        "dtype": dtype,
    }
    if gap_samples:
        payload["gap_samples"] = gap_samples
    if block.device_time_ns is not None:
        payload["device_time_ns"] = block.device_time_ns
    samples = block.samples.astype("<i2" if dtype == "int16" else "<i4", copy=False).tobytes()
    return Draft(
        RecordKind.WAVEFORM, subject, device, block.metric,
        block.time_ns, block.uncertainty_ns or 0, payload, samples,
    )  # fmt: skip


def measurement_draft(subject: str | None, device: str | None, measurement: Measurement) -> Draft:
    """Return the draft of a measurement; empty fields are left out.

    A derived value is kept to a thousandth of what is shown of its metric, and every quality to
    three decimals: the digits beyond are noise of the computation and half of a record's traffic.
    """
    value = measurement.value
    if measurement.source is Source.DERIVED and value is not None and measurement.metric in METRICS:
        value = round(value, METRICS[measurement.metric].decimals + 3)
    payload: dict[str, Any] = {
        "value": value,
        "source": measurement.source.value,
        "valid_s": measurement.valid_s,
    }
    for key in ("reason", "quality", "device_time_ns", "author", "group"):
        value = getattr(measurement, key)
        if value is not None:
            payload[key] = round(value, 3) if key == "quality" else value
    if measurement.stored:
        payload["stored"] = True
    if measurement.detail:
        payload["detail"] = measurement.detail
    return Draft(
        RecordKind.MEASUREMENT, subject, device, measurement.metric,
        measurement.time_ns, measurement.uncertainty_ns or 0, payload,
    )  # fmt: skip


def join_waveforms(entries: Iterable[Entry]) -> list[Entry]:
    """Join blocks that follow each other to the sample into one record a stream, order kept.

    A gap, a change of rate, scale or width, or a jump of the clock starts a new record.
    """
    joined: list[Entry] = []
    newest: dict[tuple[str | None, str | None, str | None], int] = {}
    for entry in entries:
        if not is_wave(entry):
            joined.append(entry)
            continue
        key = (entry.subject, entry.device, entry.metric)
        last = newest.get(key)
        if last is not None and _follows(joined[last], entry):
            joined[last] = _join(joined[last], entry)
        else:
            newest[key] = len(joined)
            joined.append(entry)
    return joined


def _follows(first: Entry, second: Entry) -> bool:
    before, after = first.payload, second.payload
    width = _WIDTH.get(str(before.get("dtype")))
    fs = before.get("fs")
    if not width or not fs or any(before.get(key) != after.get(key) for key in _SAME):
        return False
    if "index" not in before or "index" not in after or after.get("gap_samples"):
        return False
    n_samples = len(first.samples) // width
    apart_ns = second.time_ns - first.time_ns - n_samples / fs * _NS
    return bool(before["index"] + n_samples == after["index"] and abs(apart_ns) < 0.5 / fs * _NS)


def _join(first: Entry, second: Entry) -> Entry:
    return replace(
        first,
        uncertainty_ns=max(first.uncertainty_ns, second.uncertainty_ns),
        samples=first.samples + second.samples,
        tickets=first.tickets + second.tickets,
    )
