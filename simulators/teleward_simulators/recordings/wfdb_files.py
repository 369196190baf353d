"""WFDB files of PhysioNet: headers, signals in formats 16, 24, 32, 61, 80, 212, MIT annotations.

    header       NAME N_SIGNALS FS N_SAMPLES ...
                 FILE FORMAT GAIN(BASELINE)/UNIT BITS ZERO ... DESCRIPTION      one line a signal
    format 212   two samples of 12 bits in three bytes:
                 low 8 of a | high 4 of b, high 4 of a | low 8 of b
    annotation   two bytes: bits 0-9 time since the last, bits 10-15 type

https://physionet.org/physiotools/wag/header-5.htm, signal-5.htm, annot-5.htm. Written here so that
a gateway needs no package for it; the tests compare it with the package ``wfdb``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid

SYMBOLS = (
    " ", "N", "L", "R", "a", "V", "F", "J", "A", "S", "E", "j", "/", "Q", "~", "", "|", "",
    "s", "T", "*", "D", '"', "=", "p", "B", "^", "t", "+", "u", "?", "!", "[", "]", "e", "n",
    "@", "x", "f", "(", ")", "r",
)  # fmt: skip
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
INVALID = {
    "16": -32768, "61": -32768, "212": -2048, "80": -128, "24": -(2**23), "32": -(2**31),
}  # fmt: skip
"""The count that stands for no sample, by format."""
SKIP, NUM, SUB, CHN, AUX = 59, 60, 61, 62, 63
RESOLVED = "## time resolution: "
"""Begins the first note of a file that counts in steps of its own."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One record: ``signals`` float64, shape (n_samples, n_channels), in physical units.

    NaN stands for a sample that was not recorded; ``comments`` are the header's, without the mark.
    """

    name: str
    fs: float
    channels: tuple[str, ...]
    units: tuple[str, ...]
    signals: NDArray[np.float64]
    adc_gain: float
    adc_zero: int
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotations:
    """Marks of one file: sample numbers, shape (n,), symbols and auxiliary texts.

    With a ``rate`` of its own, in Hz, a file counts finer steps than samples.
    """

    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]
    notes: tuple[str, ...]
    rate: float | None = None

    def beats(self) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
        """Return sample numbers and symbols of the beats."""
        keep = np.isin(self.symbols, list(BEATS))
        return self.samples[keep], self.symbols[keep]

    def spans(self, opening: str, closing: str) -> list[tuple[int, int]]:
        """Return the stretches between two symbols, such as ``[`` and ``]`` for VF."""
        spans, start = [], None
        for sample, symbol in zip(self.samples, self.symbols, strict=True):
            if symbol == opening:
                start = int(sample)
            elif symbol == closing and start is not None:
                spans.append((start, int(sample)))
                start = None
        return spans


def records(folder: Path) -> list[Path]:
    """Return the headers below ``folder``, recursively, in order."""
    return sorted(folder.rglob("*.hea"))


def has_samples(header: Path) -> bool:
    """Return whether the signals of a record are there, and not its annotations alone."""
    return header.with_suffix(".dat").exists()


def read_rate(header: Path) -> float:
    """Return the sampling rate in Hz of one record, which also counts its annotations."""
    lines, _ = _lines(header)
    return _rate(lines[0])


def read_record(header: Path) -> Recording:
    """Read the signals of one record; `Invalid` names what is wrong with its files."""
    lines, comments = _lines(header)
    fs, fields = _rate(lines[0]), _signal_lines(header, lines)
    gains, zeros, units = zip(*(_gain(field) for field in fields), strict=True)
    return Recording(
        header.stem,
        fs,
        tuple(" ".join(field[8:]) or f"channel {k}" for k, field in enumerate(fields)),
        units,
        (_counts(header, fields) - np.array(zeros)) / np.array(gains),
        gains[0],
        zeros[0],
        comments,
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one record, float64, shape (n_samples, n_channels), NaN where there are none.

    ``gains`` are (counts a unit, count of zero, unit); ``start`` the words of date and time.
    """

    fs: float
    channels: tuple[str, ...]
    gains: tuple[tuple[float, int, str], ...]
    counts: NDArray[np.float64]
    start: tuple[str, ...]
    comments: tuple[str, ...]


def read_counts(header: Path, *, holes: bool = True) -> Counts:
    """Read one record as its converter counted; without ``holes`` every count is a sample."""
    lines, comments = _lines(header)
    fields = _signal_lines(header, lines)
    return Counts(
        _rate(lines[0]),
        tuple(" ".join(field[8:]) for field in fields),
        tuple(_gain(field) for field in fields),
        _counts(header, fields, holes),
        tuple(lines[0][4:6]),
        comments,
    )


def read_annotations(path: Path) -> Annotations:
    """Read one annotation file in MIT format."""
    data = path.read_bytes()
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2")
    samples: list[int] = []
    symbols: list[str] = []
    notes: list[str] = []
    at, now = 0, 0
    while at < len(words):
        word = int(words[at])
        kind, value = word >> 10, word & 0x3FF
        at += 1
        if word == 0:
            break
        if kind == SKIP:
            now += int(np.int32((int(words[at]) << 16) | int(words[at + 1])))
            at += 2
        elif kind == AUX:
            text = words[at : at + (value + 1) // 2].tobytes()[:value]
            if notes:
                notes[-1] = text.decode("latin-1").rstrip("\0")
            at += (value + 1) // 2
        elif kind not in (NUM, SUB, CHN):
            now += value
            samples.append(now)
            symbols.append(SYMBOLS[kind] if kind < len(SYMBOLS) else "")
            notes.append("")
    rate = None
    if notes and notes[0].startswith(RESOLVED) and not samples[0]:
        rate = float(notes[0].removeprefix(RESOLVED))
        del samples[0], symbols[0], notes[0]
    return Annotations(np.array(samples, np.int64), np.array(symbols, str), tuple(notes), rate)


def _lines(header: Path) -> tuple[list[list[str]], tuple[str, ...]]:
    """Return the fields of each line of a header, and its comments."""
    text = [line.strip() for line in header.read_text().splitlines() if line.strip()]
    lines = [line.split() for line in text if line[0] != "#"]
    if not lines or len(lines[0]) < 3:
        raise Invalid(f"{header}: the first line must be NAME SIGNALS FREQUENCY")
    return lines, tuple(line.strip("# ") for line in text if line[0] == "#")


def _signal_lines(header: Path, lines: list[list[str]]) -> list[list[str]]:
    """Return the fields of the line of each signal."""
    n_channels = int(lines[0][1])
    fields = lines[1 : 1 + n_channels]
    if len(fields) != n_channels or any(len(field) < 2 for field in fields):
        raise Invalid(f"{header}: {n_channels} lines of FILE FORMAT ... must follow the first")
    return fields


def _rate(first: list[str]) -> float:
    return float(first[2].split("/")[0].split("(")[0])


def _gain(field: list[str]) -> tuple[float, int, str]:
    """Return gain in counts per unit, baseline in counts and unit of one signal line."""
    gain, _, unit = (field[2] if len(field) > 2 else "200").partition("/")
    gain, _, baseline = gain.partition("(")
    zero = int(field[4]) if len(field) > 4 else 0
    return float(gain) or 200.0, int(baseline.rstrip(")")) if baseline else zero, unit or "mV"


def _counts(header: Path, fields: list[list[str]], holes: bool = True) -> NDArray[np.float64]:
    """Return counts, NaN for none, shape (n_samples, n_channels); one file holds some channels."""
    columns: dict[int, NDArray[np.float64]] = {}
    for name in dict.fromkeys(field[0] for field in fields):
        places = [k for k, field in enumerate(fields) if field[0] == name]
        formats = {fields[k][1].split("x")[0] for k in places}
        if len(formats) != 1:
            raise Invalid(f"{header}: {name} mixes the formats {', '.join(sorted(formats))}")
        form = formats.pop()
        data = np.frombuffer((header.parent / name).read_bytes(), np.uint8)
        flat = _decode(form, data, header)
        rows = flat[: len(flat) // len(places) * len(places)].reshape(-1, len(places))
        counts = rows.astype(np.float64)
        if holes:
            counts[rows == INVALID[form]] = np.nan
        columns |= dict(zip(places, counts.T, strict=True))
    shortest = min((len(column) for column in columns.values()), default=0)
    return np.stack([columns[k][:shortest] for k in range(len(fields))], axis=1)


def _decode(form: str, data: NDArray[np.uint8], header: Path) -> NDArray[np.int64]:
    """Return the counts of one file, channels interleaved."""
    if form in ("16", "61"):
        kind = "<i2" if form == "16" else ">i2"
        return data[: len(data) // 2 * 2].view(kind).astype(np.int64)
    if form == "32":
        return data[: len(data) // 4 * 4].view("<i4").astype(np.int64)
    if form == "24":
        parts = data[: len(data) // 3 * 3].reshape(-1, 3).astype(np.int64)
        words = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
        return np.where(words >= 2**23, words - 2**24, words)
    if form == "80":
        return data.astype(np.int64) - 128
    if form == "212":
        low, middle, high = data[: len(data) // 3 * 3].reshape(-1, 3).astype(np.int64).T
        pairs = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1)
        flat: NDArray[np.int64] = pairs.ravel()
        flat[flat > 2047] -= 4096
        return flat
    raise Invalid(f"{header}: format {form} cannot be read; 16, 24, 32, 61, 80 and 212 can")
