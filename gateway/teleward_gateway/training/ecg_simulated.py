"""Simulated patients to train the detector on: rhythms that the recordings have little or none of.

MIT-BIH has no complete block, no ventricular standstill and few seconds of ventricular tachycardia;
a detector that has seen sinus rhythm only takes P waves in a block for beats. Each recording begins
in the rhythm or comes to it from sinus rhythm, and goes back. Classes are never trained on these.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.training.ecg_augment import Beats
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.physiology.person import Person
from teleward_simulators.rhythms.table import RHYTHMS, Rhythm

LEADS = ("ecg_ii", "ecg_v5")
STRETCHES_S = (60, 20, 60)
"""In the rhythm, in sinus rhythm, in the rhythm; where there are no beats: in sinus rhythm, without
beats, in sinus rhythm."""
RATES = (250.0, 360.0, 500.0)
WITHOUT_TRUTH = ("vf", "agonal")
"""Waves that nobody could annotate beat by beat."""


def simulate(patients: int, seed: int) -> dict[str, tuple[Beats, Beats]]:
    """Return two leads of that many patients for each rhythm, by name."""
    rng = np.random.default_rng([seed, 7])
    return {
        f"{rhythm.name}/{k}": _record(rng, rhythm)
        for k in range(patients)
        for rhythm in RHYTHMS.values()
        if rhythm.name not in WITHOUT_TRUTH
    }


def _record(rng: np.random.Generator, rhythm: Rhythm) -> tuple[Beats, Beats]:
    hr0 = float(rng.uniform(55, 95))
    person = Person(age=float(rng.uniform(18, 90)), sex=str(rng.choice(["F", "M"])), hr0=hr0)
    names = (rhythm.name, "sinus", rhythm.name)
    if rhythm.train == "none":
        names = ("sinus", rhythm.name, "sinus")
    patient = PhysiologyPatient(person, seed=int(rng.integers(1000, 2**31)), rhythm=names[0])
    fs = float(rng.choice(RATES))
    leads: list[list[NDArray[np.float32]]] = [[], []]
    beats: list[float] = []
    start_s = 0
    for name, seconds in zip(names, STRETCHES_S, strict=True):
        if start_s:
            patient.do("rhythm", name=name)
        for first_s in range(start_s, start_s + seconds, 20):
            for lead, pieces in zip(LEADS, leads, strict=True):
                pieces.append(patient.waveform(lead, fs, int(first_s * fs), int(20 * fs)))
            beats += patient.beats(first_s, first_s + 20)
        start_s += seconds
    samples = np.round(np.array(beats) * fs).astype(np.int64)
    symbols = np.full(len(samples), "N")
    first, second = (
        Beats(np.concatenate(pieces).astype(np.float64), fs, samples, symbols) for pieces in leads
    )
    return first, second
