"""A person's own WFDB recording (PhysioNet) as a patient: the samples as they are, at their rate.

    header   NAME N_SIGNALS FS N_SAMPLES ...
             FILE FORMAT GAIN(BASELINE)/UNIT BITS ZERO ... DESCRIPTION      one line a signal
    formats  16 and 80, 61 (big endian 16), 212: two samples of 12 bits in three bytes
    .atr     beats, if the file lies beside the header: | time since the last 10 | type 6 |

https://physionet.org/physiotools/wag/header-5.htm, signal-5.htm, annot-5.htm. After its end the
recording starts anew, with a pause that no detector joins. The recordings that come with Teleward
are `recordings.excerpt`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS

INVALID = {"16": -32768, "61": -32768, "212": -2048, "80": -128}
"""The sample that stands for none, by format (WFDB signal files, section of each format)."""
UNUSED = 2**40
UNITS = {
    "mV": {"mv": 1.0, "uv": 1e-3, "v": 1e3, "nv": 1e-6},
    "mm[Hg]": {"mmhg": 1.0, "mm[hg]": 1.0, "kpa": 7.500617, "cmh2o": 0.735559, "mv": 1.0},
}
"""Unit of a metric -> unit of a recording, lower case -> factor. Pressures without a unit of their
own (older headers leave it out, which reads as millivolt) are taken as they are."""
SEAM_S = 2.0
"""Silence between two rounds: longer than a normal RR."""
BEATS = frozenset({*range(1, 14), 25, 30, 34, 35, 38, 41})
"""Annotation codes that are beats (ecgcodes.h): N L R a V F J A S E j / Q, B, ?, n, e, f, r."""
_SKIP, _AUX, _MODIFIERS = 59, 63, (60, 61, 62)

_METRICS = {
    "i": "ecg_i", "ii": "ecg_ii", "iii": "ecg_iii", "mlii": "ecg_ii", "mli": "ecg_i",
    "v1": "ecg_v1", "v5": "ecg_v5", "v": "ecg_v1", "ecg": "ecg_ii", "ekg": "ecg_ii",
    "ecg1": "ecg_i", "ecg2": "ecg_ii", "pleth": "pleth", "ppg": "pleth", "resp": "respiration",
    "abp": "arterial_pressure", "art": "arterial_pressure", "co2": "capnogram",
}  # fmt: skip


class WfdbRecording:
    """One record as a `VitalSource`; raises ValueError with what is wrong with the files."""

    def __init__(self, header: Path) -> None:
        lines = [line for line in header.read_text().splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith("#")]
        if not lines or len(lines[0].split()) < 3:
            raise Invalid(f"{header}: the first line must be NAME SIGNALS FREQUENCY")
        first = lines[0].split()
        self.fs = float(first[2].split("/")[0].split("(")[0])
        self._waves: dict[str, NDArray[np.float32]] = {}
        fields = [line.split() for line in lines[1 : 1 + int(first[1])]]
        for number, (field, raw) in enumerate(zip(fields, _read(header, fields), strict=True)):
            name = " ".join(field[8:]).lower().strip(" ,")
            gain, zero = _gain(field)
            metric = _METRICS.get(name, "ecg_ii" if number == 0 else "")
            if metric and metric not in self._waves:
                factor = _unit_factor(header, metric, _unit(field))
                wave = ((raw - zero) / gain * factor).astype(np.float32)
                wave[raw == INVALID.get(field[1].split("x")[0], UNUSED)] = np.nan
                self._waves[metric] = wave
        if not self._waves:
            raise Invalid(f"{header}: none of its signals is a wave that a device could measure")
        self.duration_s = len(next(iter(self._waves.values()))) / self.fs
        annotations = header.with_suffix(".atr")
        self._beats = _read_beats(annotations) / self.fs if annotations.exists() else np.empty(0)

    def metrics(self) -> frozenset[str]:
        """Return the recorded waves, and the heart rate when there are beats."""
        return frozenset(self._waves) | ({"heart_rate"} if len(self._beats) else set())

    def sampling_rate(self, metric: str) -> float:
        """Return the recorded rate of a wave in Hz."""
        return self.fs

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the heart rate of the newest ten seconds of beats; nothing else is recorded."""
        if metric not in ("heart_rate", "pulse_rate"):
            return None
        beats = self.beats(max(0.0, time_s - 10.0), time_s)
        return 60.0 * (len(beats) - 1) / (beats[-1] - beats[0]) if len(beats) > 1 else None

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return recorded samples; ``fs`` must be the recorded rate."""
        if fs != self.fs:
            raise Invalid(f"{metric} was recorded at {self.fs} Hz, not at {fs} Hz")
        wave = self._waves[metric]
        at = (first + np.arange(count)) % (len(wave) + round(SEAM_S * fs))
        out = np.full(count, np.nan, np.float32)
        inside = at < len(wave)
        out[inside] = wave[at[inside]]
        return out

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the annotated beats in [start_s, end_s)."""
        period_s = self.duration_s + SEAM_S
        rounds = range(int(start_s // period_s), int(end_s // period_s) + 1)
        times = np.concatenate([self._beats + number * period_s for number in rounds])
        chosen: list[float] = times[(times >= start_s) & (times < end_s)].tolist()
        return chosen


def _gain(field: list[str]) -> tuple[float, float]:
    """Return counts per unit and the count of zero."""
    text = (field[2] if len(field) > 2 else "200").partition("/")[0]
    gain, _, baseline = text.partition("(")
    zero = float(field[4]) if len(field) > 4 else 0.0
    return float(gain) or 200.0, float(baseline.rstrip(")")) if baseline else zero


def _unit(field: list[str]) -> str:
    """Return the unit of a signal; millivolt when the header states none."""
    gain = field[2] if len(field) > 2 else ""
    return gain.partition("/")[2] or "mV"


def _unit_factor(header: Path, metric: str, unit: str) -> float:
    """Return what a value in ``unit`` is multiplied by to be in the unit of ``metric``."""
    wanted = METRICS[metric].unit
    if wanted not in UNITS:
        return 1.0  # pleth and respiration have no unit that recordings agree on
    factor = UNITS[wanted].get(unit.lower().replace("\u00b5", "u"))
    if factor is None:
        known = ", ".join(sorted(UNITS[wanted]))
        raise Invalid(f"{header}: {metric} in {unit} cannot be converted; these can: {known}")
    return factor


def _read(header: Path, fields: list[list[str]]) -> list[NDArray[np.int64]]:
    """Return the raw counts of every signal; signals of one file are interleaved."""
    out: list[NDArray[np.int64]] = []
    for name in dict.fromkeys(field[0] for field in fields):
        shared = [field for field in fields if field[0] == name]
        formats = {field[1] for field in shared}
        if len(formats) != 1:
            raise Invalid(f"{header}: {name} mixes the formats {', '.join(sorted(formats))}")
        data = np.frombuffer((header.parent / name).read_bytes(), np.uint8)
        flat = _decode(formats.pop(), data, header)
        rows = flat[: len(flat) // len(shared) * len(shared)].reshape(-1, len(shared))
        out += list(rows.T)
    return out


def _decode(code: str, data: NDArray[np.uint8], header: Path) -> NDArray[np.int64]:
    if code in ("16", "61"):
        kind = "<i2" if code == "16" else ">i2"
        return data[: len(data) // 2 * 2].view(kind).astype(np.int64)
    if code == "80":
        return data.astype(np.int64) - 128
    if code == "212":
        low, middle, high = data[: len(data) // 3 * 3].reshape(-1, 3).astype(np.int64).T
        pairs = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1)
        flat: NDArray[np.int64] = pairs.ravel()
        flat[flat > 2047] -= 4096
        return flat
    raise Invalid(f"{header}: format {code} cannot be read; 16, 61, 80 and 212 can")


def _read_beats(path: Path) -> NDArray[np.float64]:
    words = np.frombuffer(path.read_bytes()[: path.stat().st_size // 2 * 2], "<u2").astype(int)
    beats, at, now = [], 0, 0
    while at < len(words) and words[at]:
        kind, value = words[at] >> 10, words[at] & 0x3FF
        at += 1
        if kind == _SKIP:
            now += int(np.int32(words[at] << 16 | words[at + 1]))
            at += 2
        elif kind == _AUX:
            at += (value + 1) // 2
        elif kind not in _MODIFIERS:
            now += value
            if kind in BEATS:
                beats.append(now)
    return np.array(beats, np.float64)
