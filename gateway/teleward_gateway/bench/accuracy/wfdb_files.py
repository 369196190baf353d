"""Read WFDB records: headers, signals in formats 16 and 212, and MIT annotations.

https://physionet.org/physiotools/wag/header-5.htm, signal-5.htm and annot-5.htm. Written here so
that the benchmark needs no package of its own; the tests compare it with the package ``wfdb``.

    format 212, two samples in three bytes:   byte 0        byte 1              byte 2
                                              low 8 of a    high 4 of b | of a  low 8 of b
    annotation, two bytes:                    bits 0-9 time since the last, bits 10-15 type
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
SKIP, NUM, SUB, CHN, AUX = 59, 60, 61, 62, 63


@dataclass(frozen=True, slots=True)
class Recording:
    """One record: ``signals`` float64, shape (n_samples, n_channels), in physical units."""

    name: str
    fs: float
    channels: tuple[str, ...]
    units: tuple[str, ...]
    signals: NDArray[np.float64]
    adc_gain: float
    adc_zero: int


@dataclass(frozen=True, slots=True)
class Annotations:
    """Marks of one file: sample numbers, shape (n,), symbols and auxiliary texts."""

    samples: NDArray[np.int64]
    symbols: NDArray[np.str_]
    notes: tuple[str, ...]

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
    return _rate(_lines(header)[0].split())


def read_record(header: Path) -> Recording:
    """Read the signals of one record."""
    lines = _lines(header)
    first = lines[0].split()
    n_channels, fs = int(first[1]), _rate(first)
    fields = [line.split() for line in lines[1 : 1 + n_channels]]
    raw = _samples(header, fields)
    gains, zeros, units = zip(*(_gain(field) for field in fields), strict=True)
    return Recording(
        header.stem,
        fs,
        tuple(field[8] if len(field) > 8 else f"channel {k}" for k, field in enumerate(fields)),
        units,
        (raw - np.array(zeros)) / np.array(gains),
        gains[0],
        zeros[0],
    )


def read_annotations(path: Path) -> Annotations:
    """Read one annotation file in MIT format."""
    words = np.frombuffer(path.read_bytes(), "<u2")
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
            notes[-1] = text.decode("latin-1").rstrip("\0")
            at += (value + 1) // 2
        elif kind not in (NUM, SUB, CHN):
            now += value
            samples.append(now)
            symbols.append(SYMBOLS[kind] if kind < len(SYMBOLS) else "")
            notes.append("")
    return Annotations(np.array(samples, np.int64), np.array(symbols, str), tuple(notes))


def _lines(header: Path) -> list[str]:
    return [line for line in header.read_text().splitlines() if line and line[0] != "#"]


def _rate(first: list[str]) -> float:
    return float(first[2].split("/")[0].split("(")[0])


def _gain(field: list[str]) -> tuple[float, int, str]:
    """Return gain in counts per unit, baseline in counts and unit of one signal line."""
    gain, _, unit = (field[2] if len(field) > 2 else "200").partition("/")
    gain, _, baseline = gain.partition("(")
    zero = int(field[4]) if len(field) > 4 else 0
    return float(gain) or 200.0, int(baseline.rstrip(")")) if baseline else zero, unit or "mV"


def _samples(header: Path, fields: list[list[str]]) -> NDArray[np.int64]:
    """Return raw counts, shape (n_samples, n_channels), of signals that share one file."""
    names, formats = {field[0] for field in fields}, {field[1] for field in fields}
    if len(names) != 1 or not formats <= {"16", "212"} or len(formats) != 1:
        raise Invalid(
            f"{header}: formats {sorted(formats)} in files {sorted(names)}; "
            "readable are 16 and 212, all signals in one file"
        )
    data = np.frombuffer((header.parent / fields[0][0]).read_bytes(), np.uint8)
    if formats == {"16"}:
        flat = data[: len(data) // 2 * 2].view("<i2").astype(np.int64)
    else:
        triples = data[: len(data) // 3 * 3].reshape(-1, 3).astype(np.int64)
        a = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
        b = triples[:, 2] | (triples[:, 1] & 0xF0) << 4
        flat = np.stack([a, b], axis=1).ravel()
        flat[flat > 2047] -= 4096
    n_channels = len(fields)
    return flat[: len(flat) // n_channels * n_channels].reshape(-1, n_channels)
