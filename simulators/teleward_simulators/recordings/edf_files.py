"""EDF, EDF+ and BDF+ files: signals as counts, begin to the nanosecond, and annotations.

    header     256 bytes, then ten fields of every signal, ASCII
    records    samples of each signal (EDF 2 bytes, BDF 3), little endian; annotations as texts

https://www.edfplus.info. Read here because libraries round the begin to a microsecond and hold
every sample as a float. EDF+D, records with holes between them, is refused: a reader that joins
them makes a recording that never was.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid

_NS = 1_000_000_000
_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_ANNOTATED = ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True, slots=True)
class EdfSignal:
    """One signal: value = count * scale + offset; ``counts`` int32, shape (n_samples,)."""

    label: str
    device: str
    unit: str
    fs: float
    scale: float
    offset: float
    is_wide: bool
    counts: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class EdfMark:
    """An annotation, UTC ns; ``until_ns`` where it lasts."""

    time_ns: int
    until_ns: int | None
    text: str


@dataclass(frozen=True, slots=True)
class EdfRecording:
    """One file; ``is_simulated`` where its header states it."""

    path: Path
    start_ns: int
    patient: str
    is_simulated: bool
    signals: tuple[EdfSignal, ...]
    marks: tuple[EdfMark, ...]


def read_edf(path: Path) -> EdfRecording:
    """Read one file; `Invalid` names what is wrong with it."""
    data = path.read_bytes()
    try:
        return _read(path, data)
    except (ValueError, InvalidOperation, IndexError) as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid(f"{path} is no EDF or BDF file: {error}") from error


def _read(path: Path, data: bytes) -> EdfRecording:
    is_wide = data[:1] == b"\xff"
    head = data[:256].decode("latin-1")
    if head[192:197] in ("EDF+D", "BDF+D"):
        raise Invalid(f"{path} has holes between its records (EDF+D): split it into EDF+C files")
    n_signals = int(head[252:256])
    n_records, duration_s = int(head[236:244]), Decimal(head[244:252].strip())
    fields = _fields(data, n_signals)
    width = 3 if is_wide else 2
    sizes = [int(field[8]) for field in fields]
    body = np.frombuffer(data, np.uint8, offset=256 * (n_signals + 1))
    record = sum(sizes) * width
    if n_records < 0:
        n_records = len(body) // record
    if len(body) < n_records * record:
        raise Invalid(f"{path} ends early: {n_records} records of {record} bytes must follow")
    rows = body[: n_records * record].reshape(n_records, record)
    ends = np.cumsum([0, *sizes]) * width
    columns = [rows[:, ends[k] : ends[k + 1]] for k in range(n_signals)]
    base_ns = _base_ns(head)
    first_ns, marks = 0, []
    for field, column in zip(fields, columns, strict=True):
        if field[0] in _ANNOTATED:
            first_ns, found = _marks(column, base_ns)
            marks += found
    signals = tuple(
        _signal(field, column, size, duration_s, is_wide)
        for field, column, size in zip(fields, columns, sizes, strict=True)
        if field[0] not in _ANNOTATED and size
    )
    is_simulated = "SIMULATED" in head[88:168].split()
    return EdfRecording(
        path, base_ns + first_ns, head[8:88].split(" ")[0], is_simulated, signals, tuple(marks)
    )


def _fields(data: bytes, n_signals: int) -> list[list[str]]:
    """Return the ten fields of each signal, without their filling."""
    fields: list[list[str]] = [[] for _ in range(n_signals)]
    at = 256
    for width in _WIDTHS:
        for field in fields:
            field.append(data[at : at + width].decode("latin-1").strip())
            at += width
    return fields


def _base_ns(head: str) -> int:
    day, month, year = (int(part) for part in head[168:176].split("."))
    words = head[88:168].split()
    if len(words) > 1 and words[0] == "Startdate" and words[1] != "X":
        year = int(words[1].rpartition("-")[2])
    else:
        year += 1900 if year >= 85 else 2000
    hour, minute, second = (int(part) for part in head[176:184].split("."))
    begin = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return int(begin.timestamp()) * _NS


def _signal(
    field: list[str], column: NDArray[np.uint8], size: int, duration_s: Decimal, is_wide: bool
) -> EdfSignal:
    low, high, low_count, high_count = (float(field[k]) for k in (3, 4, 5, 6))
    scale = (high - low) / ((high_count - low_count) or 1.0)
    raw = np.ascontiguousarray(column)
    if is_wide:
        parts = raw.reshape(-1, 3).astype(np.int32)
        words = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
        counts = np.where(words >= 2**23, words - 2**24, words).astype(np.int32)
    else:
        counts = raw.view("<i2").astype(np.int32).reshape(-1)
    fs = float(size / duration_s) if duration_s else float(size)
    return EdfSignal(
        field[0], field[1], field[2], fs, scale, low - low_count * scale, is_wide, counts
    )


def _marks(column: NDArray[np.uint8], base_ns: int) -> tuple[int, list[EdfMark]]:
    """Return when the first record begins after the whole second, and all texts."""
    first_ns: int | None = None
    marks = []
    for row in column:
        for tal in row.tobytes().split(b"\0"):
            onset, *texts = tal.split(b"\x14")
            if not onset:
                continue
            begin, _, length = onset.partition(b"\x15")
            begin_ns = _nanoseconds(begin)
            if first_ns is None:
                first_ns = begin_ns
            until_ns = base_ns + begin_ns + _nanoseconds(length) if length else None
            marks += [
                EdfMark(base_ns + begin_ns, until_ns, text.decode("utf-8", "replace"))
                for text in texts
                if text
            ]
    return first_ns or 0, marks


def _nanoseconds(seconds: bytes) -> int:
    return int(Decimal(seconds.decode("ascii")) * _NS)
