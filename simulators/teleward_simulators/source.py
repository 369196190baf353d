"""The seam between a patient and the devices that measure it.

A simulated device asks its source for values by *simulated time* in seconds since the patient's
start, so that the same question always has the same answer, whoever asks and in whatever order.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class VitalSource(Protocol):
    """A patient model or a recording."""

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the true value in the unit of the vocabulary, ``None`` if there is none."""
        ...

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return samples ``first`` to ``first + count`` at ``fs`` Hz, unit of the vocabulary.

        float32, shape (count,); NaN where the recording has a hole. Asking moves no state.
        """
        ...

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the times of the R peaks in [start_s, end_s), in seconds: the truth for tests."""
        ...

    def metrics(self) -> frozenset[str]:
        """Return what this source can be asked for."""
        ...
