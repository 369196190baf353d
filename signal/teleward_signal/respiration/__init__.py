"""Breathing, measured or derived from other signals.

`analyse` takes a whole recording; the bank in ``bank.py`` takes live streams.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from teleward_signal.respiration.analysis import Breaths


def analyse(samples: "ArrayLike", fs: float, apnoea_s: float = 20.0) -> "Breaths":
    """Return the breaths of a recording: see `respiration.analysis.analyse`."""
    # imported only now: codes and states of this package are used where no kernel runs
    from teleward_signal.respiration import analysis

    return analysis.analyse(samples, fs, apnoea_s)
