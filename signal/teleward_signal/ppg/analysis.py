"""A photoplethysmogram in one call: pulses, pulse rate and perfusion index."""

from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from teleward_signal.banks.bank import EventKind
from teleward_signal.offline import Marks, Numeric, as_rate, as_samples, numeric, run
from teleward_signal.ppg.bank import PpgBank

TAIL_S = 1.0
"""A pulse is known within a second."""


@dataclass(frozen=True, eq=False, repr=False)
class Pulses(Marks):
    """Pulses of a photoplethysmogram: a mark each."""

    NOUN: ClassVar[str] = "pulses"

    pulse_rate: Numeric
    """Each second, /min."""
    perfusion_index: Numeric
    """Each second, %; NaN where the device has removed the steady light."""


def analyse(samples: ArrayLike, fs: float, inverted: bool = False) -> Pulses:
    """Return the pulses of one channel, shape (n,), sampled at ``fs`` Hz (25 to 1000).

    ``samples`` rise with blood volume, in any unit; ``inverted``: raw light, which falls. Floats or
    integers, NaN = lost. Raises `Invalid` when they are neither. Method: `ppg.loop`.
    """
    fs = as_rate(fs)
    signal = as_samples(samples)
    events = run(PpgBank(fs, 1, inverted), signal, TAIL_S)
    pulses = events[events["kind"] == EventKind.PULSE]
    index = numeric(events, EventKind.PERFUSION_INDEX, fs, "perfusion index", "%")
    return Pulses(
        fs=fs,
        signal=signal,
        sample=pulses["sample"].copy(),
        interval_s=pulses["value"].copy(),
        sqi=pulses["sqi"].copy(),
        pulse_rate=numeric(events, EventKind.PULSE_RATE, fs, "pulse rate", "/min"),
        perfusion_index=index,
    )
