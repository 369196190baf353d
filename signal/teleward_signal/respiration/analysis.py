"""A respiration recording in one call: breaths, respiratory rate and apnoeas."""

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from teleward_signal.banks.bank import EventKind
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
from teleward_signal.respiration.bank import RespirationBank

TAIL_S = 3.0
"""A breath is known within three seconds."""


@dataclass(frozen=True, eq=False, repr=False)
class Breaths(Marks):
    """Breaths of a respiration signal: a mark each."""

    NOUN: ClassVar[str] = "breaths"

    respiratory_rate: Numeric
    """Each second, /min."""
    apnoeas: tuple[Episode, ...]
    """Stretches without a breath."""


def analyse(samples: ArrayLike, fs: float, apnoea_s: float = 20.0) -> Breaths:
    """Return the breaths of one channel, shape (n,), sampled at ``fs`` Hz (10 to 1000).

    ``samples`` rise with inspiration, in any unit: floats or integers, NaN = lost. ``apnoea_s``
    seconds without a breath are an apnoea. Raises `Invalid`. Method: `respiration.loop`.
    """
    fs = as_rate(fs)
    signal = as_samples(samples)
    events = run(RespirationBank(fs, 1, apnoea_s), signal, TAIL_S)
    breaths = events[events["kind"] == EventKind.BREATH]
    on, off = EventKind.APNOEA_ON, EventKind.APNOEA_OFF
    names = {int(symbol): "apnoea" for symbol in events["symbol"]}
    return Breaths(
        fs=fs,
        signal=signal,
        sample=breaths["sample"].copy(),
        interval_s=breaths["value"].copy(),
        sqi=breaths["sqi"].copy(),
        respiratory_rate=numeric(
            events, EventKind.RESPIRATORY_RATE, fs, "respiratory rate", "/min"
        ),
        apnoeas=episodes(events, on, off, names, fs, len(signal) / fs),
    )
