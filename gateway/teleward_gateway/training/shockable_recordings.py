"""Recordings for the shockable-rhythm network: one lead at 125 Hz with a label for each sample.

    VFDB     rhythm changes: VF, flutter, VT, asystole, noise, else organised
    CUDB     each 5 s: VF, or anything but VF (asystole and VT are not labelled there)
    MIT-BIH  rhythm changes; its two-lead records teach what is not shockable
    NSTDB    recorded electrode motion, muscle and wander

Data under the Open Data Commons Attribution License 1.0 (PhysioNet): Greenwald 1986, Nolle et al.
1986, Moody & Mark 2001, Moody, Muldrow & Mark 1984.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from teleward_gateway.bench.accuracy.cudb_files import read_cudb
from teleward_signal.ecg.shockable_net import anti_alias
from teleward_signal.ecg.shockable_state import RATE
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record, records

ORGANISED, VF, VT, ASYSTOLE, NOISE, NOT_VF = range(6)
"""Labels; the first five are the outputs of the network."""
RHYTHMS = {"VF": VF, "VFIB": VF, "VFL": VF, "VT": VT, "ASYS": ASYSTOLE, "NOISE": NOISE}
SAME_PERSON = {"202": "201", "612": "614", "428": "430"}
"""Records of one person, which must stay in one fold."""

Samples = NDArray[np.float32]
Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Lead:
    """One lead: ``samples`` in mV at 125 Hz before the band-pass, ``labels`` of the same length."""

    database: str
    record: str
    person: str
    channel: int
    samples: Samples
    labels: Labels


def to_rate(samples: NDArray[np.float64], fs: float) -> Samples:
    """Return a signal at 125 Hz as the engine makes it; gaps hold the last value."""
    bad = ~np.isfinite(samples)
    if bad.any():
        held = np.maximum.accumulate(np.where(~bad, np.arange(len(samples)), 0))
        samples = np.nan_to_num(samples[held])
    filtered = sosfilt(anti_alias(fs), samples - samples[0])
    at = np.arange(0, len(samples) - 1, fs / RATE)
    resampled: Samples = np.interp(at, np.arange(len(samples)), filtered).astype(np.float32)
    return resampled


def wfdb_leads(folder: Path, database: str, pattern: str = "*") -> list[Lead]:
    """Return both leads of every WFDB record with rhythm annotations in ``folder``."""
    leads = []
    for header in records(folder):
        if not header.match(pattern + ".hea"):
            continue
        recording = read_record(header)
        labels = _rhythm_labels(header, len(recording.signals))
        for channel in range(2):
            samples = to_rate(recording.signals[:, channel], recording.fs)
            at = (np.arange(len(samples)) * recording.fs / RATE).astype(int)
            name = header.stem
            leads.append(Lead(database, name, person_of(name), channel, samples, labels[at]))
    return leads


def _rhythm_labels(header: Path, n: int) -> Labels:
    marks = read_annotations(header.with_suffix(".atr"))
    changes = [
        (int(sample), note.strip("\0 ")[1:])
        for sample, note in zip(marks.samples, marks.notes, strict=True)
        if note.startswith("(")
    ]
    labels = np.full(n, ORGANISED, np.int8)
    ends = [start for start, _ in changes[1:]] + [n]
    for (start, rhythm), end in zip(changes, ends, strict=True):
        labels[start:end] = RHYTHMS.get(rhythm, ORGANISED)
    return labels


def person_of(record: str) -> str:
    """Return the person of a record: some have two, and noise-stress records are of one."""
    return SAME_PERSON.get(record, record if record.startswith("cu") else record[:3])


def cudb_leads(folder: Path) -> list[Lead]:
    """Return the leads of the Creighton database, labelled VF or not VF each five seconds."""
    leads = []
    for record in read_cudb(folder):
        samples = to_rate(record.samples, record.fs)
        at = (np.arange(len(samples)) * record.fs / RATE).astype(int)
        labels = np.where(record.fibrillation[at], VF, NOT_VF).astype(np.int8)
        leads.append(Lead("cudb", record.name, record.name, 0, samples, labels))
    return leads


def load(data: Path) -> tuple[list[Lead], dict[str, Samples]]:
    """Return all leads, and the recorded noises by name, shape (2, n) at 125 Hz."""
    leads = wfdb_leads(data / "vfdb", "vfdb") + cudb_leads(data / "cudb")
    leads += wfdb_leads(data / "mitdb", "mitdb") + wfdb_leads(data / "nstdb", "nstdb", "118*")
    noises = {}
    for name in ("bw", "em", "ma"):
        recording = read_record(data / "nstdb" / f"{name}.hea")
        both = [to_rate(recording.signals[:, k], recording.fs) for k in range(2)]
        noises[name] = np.stack(both)
    return leads, noises


def folds(leads: list[Lead], n: int = 5) -> dict[str, int]:
    """Return the fold of each person; those with shockable rhythms are dealt out first."""
    found: dict[str, int] = {}
    for database in ("vfdb", "cudb", "mitdb", "nstdb"):
        seconds: dict[str, int] = {}
        for lead in leads:
            if lead.database == database and lead.person not in found:
                shockable = int(np.isin(lead.labels, (VF, VT)).sum())
                seconds[lead.person] = seconds.get(lead.person, 0) + shockable
        for k, person in enumerate(sorted(seconds, key=lambda name: (-seconds[name], name))):
            found[person] = k % n
    return found
