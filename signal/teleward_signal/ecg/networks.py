"""Weights of the ECG networks that come with the package, each by its name."""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
"""All weights of one network or tree ensemble in one vector."""


class Networks(NamedTuple):
    """What the ECG loop decides with: seven weight vectors, float32, one dimension each."""

    beat: Weights
    """Whether a candidate is a beat, from what came before it (`features.describe`)."""
    doubt: Weights
    """The same for a doubtful candidate, from what followed it as well (`describe_later`)."""
    ventricular: Weights
    """Trees: whether a beat is ventricular."""
    supraventricular: Weights
    """Trees: whether a beat is supraventricular premature."""
    quality: Weights
    """Whether a detection error lies near this second."""
    fibrillation: Weights
    """Whether a window of intervals is in atrial fibrillation."""
    shockable: Weights
    """Convolutions: whether the last seconds are ventricular fibrillation or tachycardia."""


def load_networks() -> Networks:
    """Return the weights that come with the package."""
    weights: dict[str, Weights] = {}
    for name in ("ecg.npz", "fibrillation.npz", "shockable.npz"):  # each is trained apart
        with (files("teleward_signal") / "weights" / name).open("rb") as file:
            weights |= np.load(file, allow_pickle=False)
    return Networks(**{name: weights[name].astype(np.float32) for name in Networks._fields})
