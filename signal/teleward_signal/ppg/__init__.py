"""The photoplethysmogram: pulses, their quality and arrival time.

`analyse` takes a whole recording; the bank in ``bank.py`` takes live streams.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from teleward_signal.ppg.analysis import Pulses


def analyse(samples: "ArrayLike", fs: float, inverted: bool = False) -> "Pulses":
    """Return the pulses of a recording: see `ppg.analysis.analyse`."""
    # imported only now: codes and states of this package are used where no kernel runs
    from teleward_signal.ppg import analysis

    return analysis.analyse(samples, fs, inverted)
