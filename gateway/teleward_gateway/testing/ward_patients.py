"""Synthetic patients that load the dashboard: pure functions of time, no physiology."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

WAVES = (("ecg_ii", 250.0, 0.001), ("pleth", 125.0, 0.001), ("respiration", 62.5, 0.01))
Case = tuple[str, int, int, int, int, int, float]
"""Why in hospital, heart rate, SpO2, respiratory rate, systolic, diastolic, temperature."""

CASES: tuple[Case, ...] = (
    ("Community pneumonia", 96, 93, 24, 118, 70, 38.4),
    ("Post-operative day 1", 67, 97, 14, 124, 71, 36.8),
    ("Asthma, improving", 88, 95, 20, 131, 79, 36.9),
    ("Chest pain", 74, 98, 14, 142, 85, 36.6),
    ("Sepsis", 126, 91, 26, 88, 53, 39.1),
    ("Ketoacidosis", 112, 97, 28, 110, 66, 36.9),
    ("COPD", 86, 88, 22, 136, 82, 36.7),
    ("Stroke watch", 94, 96, 16, 158, 95, 36.5),
    ("GI bleed", 104, 97, 18, 98, 59, 36.3),
    ("Heart failure", 105, 93, 22, 104, 62, 36.4),
    ("Anaphylaxis, treated", 91, 97, 17, 121, 73, 36.9),
    ("Trauma observation", 81, 98, 15, 119, 71, 36.8),
    ("Dengue, day 5", 115, 97, 19, 102, 61, 38.2),
    ("Eclampsia watch", 99, 98, 16, 163, 98, 37.0),
    ("Renal colic", 82, 98, 16, 128, 77, 36.7),
    ("Falls observation", 58, 96, 13, 134, 80, 36.4),
)


def bump(phase: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    """Return a bell at ``centre`` of the cycle, phase in 0..1."""
    distance = (phase - centre + 0.5) % 1.0 - 0.5
    return np.exp(-0.5 * (distance / width) ** 2)


def ecg(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lead II in mV for phases of the beat."""
    waves = ((0.18, 0.025, 0.12), (0.275, 0.008, -0.12), (0.3, 0.010, 1.1), (0.325, 0.010, -0.25))
    return sum(
        (size * bump(phase, centre, width) for centre, width, size in waves),
        start=0.28 * bump(phase, 0.6, 0.05),
    )


def pleth(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the plethysmogram, 0..1, for phases of the beat."""
    return 0.9 * bump(phase, 0.5, 0.09) + 0.35 * bump(phase, 0.72, 0.1)


def wave(
    metric: str, beat: NDArray[np.float64], breath: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the samples of a waveform of `WAVES` for phases of beat and breath."""
    if metric == "ecg_ii":
        return ecg(beat)
    if metric == "pleth":
        return pleth(beat)
    return np.sin(2 * np.pi * breath)


@dataclass(slots=True)
class Bed:
    """One synthetic patient; ``case`` is a row of `CASES`."""

    subject: str
    case: Case
    phase: float = 0.0
    breath: float = 0.0
    elapsed_s: float = 0.0
    sent: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    """Waveforms, or ``numerics``, that stay away."""
    lost_until: dict[str, int] = field(default_factory=dict)
    """First sample of a waveform that arrives again after a loss."""

    def lose(self, metric: str, count: int) -> None:
        """Lose the next ``count`` samples of a waveform."""
        self.lost_until[metric] = self.sent.get(metric, 0) + count
