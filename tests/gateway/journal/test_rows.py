"""Rows keep every record exactly, and say so when they do not."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_gateway.journal.checksum import Blob, DamagedBlob, pack_blob, unpack_blob
from teleward_gateway.journal.drafts import join_waveforms
from teleward_gateway.journal.entries import KINDS, Entry, Filter
from teleward_gateway.journal.row import Origin, build_row, inspect_row, records_of
from teleward_gateway.journal.samples import pack_samples, unpack_samples
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

ORIGIN = Origin("gw", "0123456789abcdef", "fedcba9876543210", Provenance.SIMULATED)
NAMES = st.none() | st.text(max_size=8)
TIMES = st.integers(-(2**62), 2**62)
JSON = (
    st.none()
    | st.booleans()
    | st.integers(-(2**50), 2**50)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False)
)
ENTRIES = st.builds(
    Entry,
    st.sampled_from([kind for kind in KINDS if kind is not RecordKind.WAVEFORM]),
    NAMES, NAMES, NAMES, TIMES, TIMES, TIMES,
    st.dictionaries(st.text(max_size=6), JSON, max_size=4),
)  # fmt: skip


def wave(index: int, n: int = 50, time_ns: int | None = None, **more: Any) -> Entry:
    payload = {"fs": 250.0, "scale": 0.005, "offset": 0.0, "index": index, "dtype": "int16", **more}
    samples = np.arange(index, index + n, dtype="<i2").tobytes()
    time_ns = index * 4_000_000 if time_ns is None else time_ns
    return Entry(RecordKind.WAVEFORM, "bed", "ecg", "ecg_ii", time_ns, 5, 7, payload, samples)


@given(st.lists(ENTRIES, min_size=1, max_size=20))
def test_values_come_back_exactly(entries: list[Entry]) -> None:
    row = build_row(entries, 42, ORIGIN)
    records = records_of(row.blob)
    assert [(r.kind, r.subject, r.device, r.metric, r.time_ns, r.uncertainty_ns, r.monotonic_ns,
             r.payload) for r in records] == [
        (e.kind, e.subject, e.device, e.metric, e.time_ns, e.uncertainty_ns, e.monotonic_ns,
         e.payload) for e in entries
    ]  # fmt: skip
    assert [(r.id.gateway, r.id.journal, r.id.seq, r.id.part) for r in records] == [
        ("gw", "0123456789abcdef", 42, part) for part in range(len(entries))
    ]
    assert {r.boot for r in records} == {ORIGIN.boot}
    assert {r.provenance for r in records} == {Provenance.SIMULATED}
    assert inspect_row(row.blob) == row


@given(st.lists(st.tuples(st.binary(max_size=64), st.sampled_from([0, 2, 4])), max_size=20))
def test_samples_come_back_exactly(parts: list[tuple[bytes, int]]) -> None:
    whole = [(data[: len(data) // max(1, width) * max(1, width)], width) for data, width in parts]
    packed = pack_samples(whole)
    assert unpack_samples(packed) == {i: data for i, (data, _) in enumerate(whole)}
    if whole:
        assert unpack_samples(packed, [len(whole) - 1]) == {len(whole) - 1: whole[-1][0]}


def test_a_noisy_ecg_takes_four_bits_a_sample() -> None:
    rng = np.random.default_rng(1)
    streams = [np.round(rng.normal(0, 1.5, 500)).astype("<i2").tobytes() for _ in range(8)]
    packed = pack_samples([(samples, 2) for samples in streams])
    assert len(packed) < 8 * 260


def test_filter_by_subject_and_metric() -> None:
    entries = [
        Entry(RecordKind.MEASUREMENT, s, None, m, 0, 0, 0, {"value": v})
        for v, (s, m) in enumerate([("a", "spo2"), ("b", "spo2"), ("a", "heart_rate")])
    ]
    blob = build_row(entries, 1, ORIGIN).blob
    found = records_of(blob, Filter(None, "a", "spo2"))
    assert [(r.id.part, r.payload["value"]) for r in found] == [(0, 0)]
    assert records_of(blob, Filter(None, "c", None)) == []
    assert records_of(blob, Filter(frozenset({RecordKind.ALARM}))) == []


@settings(max_examples=30)
@given(st.data())
def test_any_flipped_byte_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(build_row([wave(0)], 9, ORIGIN).blob)
    position = data.draw(st.integers(0, len(blob) - 1))
    blob[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedBlob):
        unpack_blob(bytes(blob))


def test_a_seal_is_drawn_as_it_is() -> None:
    blob = pack_blob(Blob.EVENT, 7, b"body", provenance=1, count=3)
    assert struct.unpack_from("<4s", blob) == (b"TWJ\x01",)
    assert struct.unpack_from("<IBBHQ", blob, 8) == (28, 2, 1, 3, 7)
    assert blob[24:] == b"body"


def test_blocks_that_follow_each_other_become_one_record() -> None:
    joined = join_waveforms([wave(0), wave(50), wave(100)])
    assert len(joined) == 1
    assert np.frombuffer(joined[0].samples, "<i2").tolist() == list(range(150))


@pytest.mark.parametrize(
    "second",
    [
        wave(60, time_ns=240_000_000),
        wave(50, gap_samples=3),
        wave(50, time_ns=200_000_000 + 3_000_000),
        wave(50, scale=0.01),
        wave(50, fs=500.0),
    ],
    ids=["index", "gap", "clock", "scale", "rate"],
)
def test_blocks_with_anything_between_stay_apart(second: Entry) -> None:
    assert join_waveforms([wave(0), second]) == [wave(0), second]
