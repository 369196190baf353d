"""One respiratory rate from the breathing seen in PPG and ECG, with how far it can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_signal.respiration.modulation_bank import RATES

QUALITY_FLOOR = 0.4
"""Below this a rate is to be withheld: see the retention that ``bench accuracy`` prints."""

# Evidence is the share of power within 2 breaths a minute of the peak: of the sum, plus of the
# carrier that agrees least. Below the first number a rate is surely wrong, at the second right: on
# the even BIDMC recordings a quality of 0.4 keeps 85 % of the windows. White noise reaches it one
# time in four, so the quality of the PPG and the ECG themselves is to be asked first.
_WORST, _BEST = 0.20, 0.69
_NEAR = 2.0


@dataclass(frozen=True, slots=True)
class DerivedRate:
    """Breaths a minute and quality, 0 (useless) to 1."""

    rate: float
    quality: float


def fuse(spectra: Sequence[NDArray[np.float64]]) -> DerivedRate:
    """Return the rate at which the ``spectra`` (shares of power at `RATES`) agree.

    Each counts as much as its own peak stands out; quality says how much of the
    power lies near the common peak, and whether every carrier has it there; one carrier alone is
    trusted less.
    """
    if not spectra:
        raise ValueError("no spectrum: ask ModulationBank.known first")
    total = np.sum([power * power.max() for power in spectra], axis=0)
    peak = int(total.argmax())
    near = np.abs(RATES - RATES[peak]) <= _NEAR
    shares = [float(power[near].sum() / power.sum()) for power in (total, *spectra)]
    weakest = min(shares[1:]) if len(spectra) > 1 else 0.0
    quality = (shares[0] + weakest - _WORST) / (_BEST - _WORST)
    rate = float((total[near] * RATES[near]).sum() / total[near].sum())
    return DerivedRate(rate, min(1.0, max(0.0, quality)))
