"""Simulated healthy adults beside recordings of people, measured by the same code.

Heart intervals from annotations (MIT-BIH, normal beats only) and from the scheduler; QRS width and
pulse rise time from the waves; breaths from annotators (BIDMC) and from the simulated lung.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.bidmc_files import FS as BIDMC_FS
from teleward_gateway.bench.accuracy.bidmc_files import bidmc_names, read_bidmc
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.physiology.person import Person
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record, records

Numbers = NDArray[np.float64]
SECONDS = 300
AGES = (23, 31, 39, 47, 55, 63, 71, 79)
"""One man or woman each; MIT-BIH and BIDMC are of adults of all ages."""


def fidelity(data: Path) -> list[dict[str, str]]:
    """Return rows: what, simulated, recorded (median and 5th to 95th percentile), what differs."""
    patients = [
        PhysiologyPatient(Person(age=age, sex="FM"[seed % 2]), seed)
        for seed, age in enumerate(AGES)
    ]
    beats = [np.array(p.beats(10.0, SECONDS)) for p in patients]
    ours: dict[str, Numbers] = {
        "RR interval, s": np.concatenate([np.diff(b) for b in beats]),
        "RR variation (SD/mean), %": np.array([100 * _variation(np.diff(b)) for b in beats]),
        "QRS width (energy rule), ms": np.concatenate(
            [_widths(p.waveform("ecg_ii", 360.0, 0, 60 * 360), 360.0, b[b < 59.0])
             for p, b in zip(patients, beats, strict=True)]
        ),
        "PPG rise time, s": np.concatenate(
            [_rises(p.waveform("pleth", BIDMC_FS, 0, int(120 * BIDMC_FS))) for p in patients]
        ),
        "Breath interval, s": np.concatenate([_breaths(p) for p in patients]),
    }  # fmt: skip
    theirs = {**_mitdb(data / "mitdb"), **_bidmc(data / "bidmc")}
    return [
        {"what": name, "simulated": _spread(ours[name]), "recorded": _spread(theirs[name]),
         "differs": DIFFERS[name]}
        for name in ours
    ]  # fmt: skip


DIFFERS = {
    "RR interval, s": "all rest at 72/min; the recordings mix illness, drugs and activity",
    "RR variation (SD/mean), %": "5 minutes at rest against half an hour of a day, with ectopy",
    "QRS width (energy rule), ms": "one normal shape; the recordings hold other leads and blocks",
    "PPG rise time, s": "healthy vessels; the recordings are of critically ill adults",
    "Breath interval, s": "healthy at 14/min; critically ill breathe faster; no sighs, no speech",
}


def _mitdb(folder: Path) -> dict[str, Numbers]:
    intervals, variations, widths = [], [], []
    for header in records(folder):
        record = read_record(header)
        samples, symbols = read_annotations(header.with_suffix(".atr")).beats()
        normal = symbols == "N"
        both = normal[1:] & normal[:-1]
        rr = np.diff(samples)[both] / record.fs
        if len(rr) < 200:
            continue
        intervals.append(rr)
        variations.append(100 * _variation(rr))
        minute = samples[normal & (samples < 60 * record.fs) & (samples > record.fs)] / record.fs
        wave = record.signals[: int(61 * record.fs), 0].astype(np.float32)
        widths.append(_widths(wave, record.fs, minute))
    return {
        "RR interval, s": np.concatenate(intervals),
        "RR variation (SD/mean), %": np.array(variations),
        "QRS width (energy rule), ms": np.concatenate(widths),
    }


def _bidmc(folder: Path) -> dict[str, Numbers]:
    rises, breaths = [], []
    for name in bidmc_names(folder):
        record = read_bidmc(folder, name)
        rises.append(_rises(record.ppg[: int(120 * BIDMC_FS)].astype(np.float32)))
        breaths.append(np.diff(record.breaths_s[0]))
    return {
        "PPG rise time, s": np.concatenate(rises),
        "Breath interval, s": np.concatenate(breaths),
    }


def _variation(rr: Numbers) -> float:
    # half a percent from both ends goes, so that single missed beats do not rule
    low, high = np.percentile(rr, (0.5, 99.5))
    kept = rr[(rr >= low) & (rr <= high)]
    return float(kept.std() / kept.mean())


def _widths(wave: NDArray[np.float32], fs: float, beats: Numbers) -> Numbers:
    """Return the time holding the middle 96 % of slope energy within 90 ms of each beat, ms."""
    out = []
    half = int(0.09 * fs)
    for beat in beats:
        at = int(beat * fs)
        if at - half < 0 or at + half + 1 > len(wave):
            continue
        slope = np.diff(wave[at - half : at + half + 1].astype(float))
        energy = np.cumsum(slope * slope)
        if energy[-1] > 0:
            low, high = np.searchsorted(energy / energy[-1], (0.02, 0.98))
            out.append(1000.0 * float(high - low) / fs)
    return np.array(out)


def _rises(wave: NDArray[np.float32]) -> Numbers:
    """Return the times from each foot to the peak after it, s; irregular pulses are left out."""
    smooth = np.convolve(wave, np.ones(5) / 5, "same")
    slope = np.diff(smooth)
    steep = 0.5 * float(np.percentile(slope, 98))
    out: list[float] = []
    at = 1
    while at < len(slope) - 1:
        if slope[at] < steep:
            at += 1
            continue
        foot = at
        while foot > 0 and slope[foot - 1] > 0.05 * steep:
            foot -= 1
        peak = at
        while peak < len(slope) - 1 and slope[peak] > 0:
            peak += 1
        out.append((peak - foot) / BIDMC_FS)
        at = peak + int(0.15 * BIDMC_FS)
    return np.array([rise for rise in out if 0.04 < rise < 0.6])


def _breaths(patient: PhysiologyPatient) -> Numbers:
    patient.live(120.0)
    return np.diff(np.array([breath[0] for breath in patient.traces.breaths]))


def _spread(values: Any) -> str:
    low, middle, high = np.percentile(values, (5, 50, 95))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"
