"""An ECG recording in one call: beats with their class, heart rate and rhythms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from teleward_signal.banks.bank import EventKind
from teleward_signal.banks.filters import Band, EcgFilter
from teleward_signal.ecg.bank import EcgBank
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_signal.offline import (
    Episode,
    Marks,
    Numeric,
    as_rate,
    as_samples,
    episodes,
    numeric,
    run,
)

TAIL_S = 1.0
"""A doubtful beat is known 0.46 s after it."""


@dataclass(frozen=True, eq=False, repr=False)
class Beats(Marks):
    """Beats of an ECG in mV: a mark at each R peak."""

    UNITS: ClassVar[Mapping[str, str]] = {**Marks.UNITS, "label": "AAMI class"}
    NOUN: ClassVar[str] = "beats"

    label: NDArray[np.str_]
    """Class of each beat: N normal, V ventricular, S supraventricular, Q paced or unknown."""
    heart_rate: Numeric
    """Each second, /min."""
    rhythms: tuple[Episode, ...]
    """Rhythms that were on, named as in `rhythm_codes.Rhythm`."""

    def _shown(self) -> tuple[NDArray[Any], str]:
        shown = EcgFilter(self.fs, Band.MONITOR, "auto").push(self.signal)
        return shown, "ECG (mV), monitor band 0.5-40 Hz"


def analyse(samples: ArrayLike, fs: float, counts_per_mv: float = 1.0, zero: float = 0.0) -> Beats:
    """Return the beats of one channel, shape (n,), sampled at ``fs`` Hz (100 to 1000).

    ``samples`` are mV, or counts of which ``counts_per_mv`` are one mV and ``zero`` is 0 mV; floats
    or integers, NaN = lost. Raises `Invalid` when they are neither. Method: `ecg.loop`.
    """
    fs = as_rate(fs)
    signal = as_samples(samples, counts_per_mv, zero)
    events = run(EcgBank(fs, 1), signal, TAIL_S)
    beats = events[events["kind"] == EventKind.BEAT]
    names = {int(rhythm): rhythm.name.lower() for rhythm in Rhythm}
    on, off = EventKind.RHYTHM_ON, EventKind.RHYTHM_OFF
    return Beats(
        fs=fs,
        signal=signal,
        sample=beats["sample"].copy(),
        interval_s=beats["value"].copy(),
        sqi=beats["sqi"].copy(),
        label=np.array([chr(symbol) for symbol in beats["symbol"]], "U1"),
        heart_rate=numeric(events, EventKind.HEART_RATE, fs, "heart rate", "/min"),
        rhythms=episodes(events, on, off, names, fs, len(signal) / fs),
    )
