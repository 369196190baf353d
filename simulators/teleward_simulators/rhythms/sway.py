"""How a sinus rhythm varies: breathing, pressure waves and slow drift, by age and sex.

    interval = 60/rate x (1 + sway)     sway = breathing + Mayer waves (0.1 Hz) + 1/f below 0.04 Hz

Sizes aim at the SDNN and RMSSD of healthy adults over five minutes and their fall with age, about
49 and 41 ms at 30 years, 37 and 25 at 50, 29 and 19 at 70; men have more of the slow, women more of
the quick part until their fifties. The trend is that of Voss et al., PLoS ONE 10:e0118308, 2015;
the figures have not been checked against its tables. All is a sum of sinusoids with seeded phases,
so any moment can be asked for without those before it.
"""

import math
from dataclasses import dataclass

from teleward_simulators.draws import Stream, normal, uniform

BREATHING_SD = 0.031
MAYER_SD = 0.029
SLOW_SD = 0.030
"""Shares of the interval at 40 years."""
INDIVIDUAL_SD = 0.15
"""People of one age differ; SD of the logarithm."""
MAYER_HZ = (0.089, 0.100, 0.108)
"""Three lines make a band that swells and fades over a minute or two."""
SLOW_HZ = (0.0024, 0.0051, 0.0097, 0.0193, 0.0391)
"""One line an octave, all of the same power: a spectrum of 1/f."""
USUAL_BREATHS = 14.0
BREATH_SD = 0.12
"""Of the length of quiet breaths: the low end of 21 (SD 12) % in 65 healthy people over 15 minutes
(Tobin et al., J Appl Physiol 65:309, 1988); a patient who is watched lies still."""
BREATH_MEMORY = 0.55
"""Correlation of a breath with the one before."""
SEX_ENDS, SEX_FADES = 65.0, 20.0
"""Age at which the sexes no longer differ, and years over which the difference fades."""


@dataclass(frozen=True, slots=True)
class Sway:
    """The variation of one person; amplitudes are shares of the interval."""

    breathing: float
    waves: tuple[tuple[float, float, float], ...]
    """Amplitude, Hz and phase in turns."""

    def at(self, time_s: float, phase: float, breaths: float, vagal: float, ease: float) -> float:
        """Return the share by which the interval that begins at ``time_s`` is longer.

        ``phase``: of the breath, 0 at the start of inspiration; ``vagal``: tone over that at rest;
        ``ease``: 1 at rest to 0 where the rate leaves no room.
        """
        slow = sum(a * math.sin(2.0 * math.pi * (f * time_s + turn)) for a, f, turn in self.waves)
        slow *= 0.35 + 0.65 * vagal
        # the node follows slow breathing better than fast (Hirsch and Bishop, Am J Physiol 1981)
        follows = min(1.3, USUAL_BREATHS / max(breaths, 4.0)) * vagal
        breath = -math.sin(2.0 * math.pi * phase) if phase <= 1.0 else 0.0
        return ease * (slow + self.breathing * follows * breath)


def sway_of(age: float, sex: str, seed: int) -> Sway:
    """Return the variation of a person; the same seed is the same person."""
    quick = min(1.45, max(0.52, math.exp((40.0 - age) / 40.0)))
    slow = min(1.12, max(0.62, math.exp((40.0 - age) / 65.0)))
    differ = min(1.0, max(0.0, (SEX_ENDS - age) / SEX_FADES)) * (1.0 if sex == "M" else -1.0)
    own = math.exp(INDIVIDUAL_SD * min(2.0, max(-2.0, normal(seed, Stream.SWAY, 0))))
    mayer = MAYER_SD * slow * own * (1.0 + 0.08 * differ)
    drift = SLOW_SD * slow * own * (1.0 + 0.08 * differ)
    lines = [(mayer * math.sqrt(2.0 / len(MAYER_HZ)), hz) for hz in MAYER_HZ]
    lines += [(drift * math.sqrt(2.0 / len(SLOW_HZ)), hz) for hz in SLOW_HZ]
    return Sway(
        math.sqrt(2.0) * BREATHING_SD * quick * own * (1.0 - 0.08 * differ),
        tuple((a, hz, uniform(seed, Stream.SWAY, 10 + n)) for n, (a, hz) in enumerate(lines)),
    )


def breath_share(seed: int, number: int, rate: float) -> float:
    """Return the length of breath ``number`` over the mean; those who labour breathe evenly."""
    quiet = min(1.0, max(0.25, (30.0 - rate) / 16.0))
    kept = math.sqrt(1.0 - BREATH_MEMORY**2)
    drift = kept * sum(
        BREATH_MEMORY**back * normal(seed, Stream.BREATH, number - back)
        for back in range(min(6, number + 1))
    )
    return min(1.45, max(0.68, 1.0 + BREATH_SD * quiet * drift))
