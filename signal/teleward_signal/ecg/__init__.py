"""The electrocardiogram: beats, their classes, quality and rhythm.

`analyse` takes a whole recording; the bank in ``bank.py`` takes live streams.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from teleward_signal.ecg.analysis import Beats


def analyse(
    samples: "ArrayLike", fs: float, counts_per_mv: float = 1.0, zero: float = 0.0
) -> "Beats":
    """Return the beats of a recording: see `ecg.analysis.analyse`."""
    # imported only now: codes and states of this package are used where no kernel runs
    from teleward_signal.ecg import analysis

    return analysis.analyse(samples, fs, counts_per_mv, zero)
