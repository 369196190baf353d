"""Reads the BIDMC PPG and Respiration Dataset in its CSV form (Pimentel et al. 2017, PhysioNet)."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FS = 125.0
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BidmcRecord:
    """One recording: waveforms at 125 Hz, numerics at 1 Hz, breaths in s by two annotators."""

    name: str
    ppg: Numbers
    respiration: Numbers
    ecg: Numbers
    heart_rate: Numbers
    pulse_rate: Numbers
    respiratory_rate: Numbers
    spo2: Numbers
    breaths_s: tuple[Numbers, Numbers]


def bidmc_names(folder: Path) -> list[str]:
    """Return the recordings in ``folder``, such as ``bidmc_02``."""
    return sorted(p.name.removesuffix("_Signals.csv") for p in folder.glob("*_Signals.csv"))


def read_bidmc(folder: Path, name: str) -> BidmcRecord:
    """Read one recording; a column that is missing is all NaN."""
    signals = _columns(folder / f"{name}_Signals.csv")
    numerics = _columns(folder / f"{name}_Numerics.csv")
    breaths = _columns(folder / f"{name}_Breaths.csv")
    first, second = (column[np.isfinite(column)] / FS for column in list(breaths.values())[:2])
    none = np.full(len(next(iter(signals.values()))), np.nan)
    none_1hz = np.full(len(next(iter(numerics.values()))), np.nan)
    lead = next((key for key in ("II", "V", "I", "MCL1") if key in signals), "")
    return BidmcRecord(
        name,
        signals.get("PLETH", none),
        signals.get("RESP", none),
        signals.get(lead, none),
        numerics.get("HR", none_1hz),
        numerics.get("PULSE", none_1hz),
        numerics.get("RESP", none_1hz),
        numerics.get("SpO2", none_1hz),
        (first, second),
    )


def _columns(path: Path) -> dict[str, Numbers]:
    """Read a CSV into its columns by trimmed name; what is no number is NaN."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    names = [name.strip() for name in rows[0]]
    table = np.full((len(rows) - 1, len(names)), np.nan)
    for at, row in enumerate(rows[1:]):
        for column, text in enumerate(row[: len(names)]):
            try:
                table[at, column] = float(text)
            except ValueError:
                continue
    return dict(zip(names, table.T, strict=True))
