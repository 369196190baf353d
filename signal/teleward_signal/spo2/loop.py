"""The ratio-of-ratios loop: red and infrared light, sample by sample, to R once a second."""

import numpy as np

from teleward_signal.banks.bank import Events
from teleward_signal.banks.biquads import at_rest, filtered
from teleward_signal.banks.slot_bank import emit
from teleward_signal.compiled.cache import constant, inner, kernel
from teleward_signal.compiled.records import Floats, Ints, Records
from teleward_signal.spo2.state import OximetryState, OximetryTiming

RATIO, NO_SYMBOL = constant(19), constant(0)
NO_SIGNAL, MOTION, LOW_PERFUSION, SETTLING = 1, 8, 16, 64
ALIKE_BAD, ALIKE_GOOD = 0.80, 0.98
"""Red and infrared see the same pulse: the correlation of clean fingers is 0.92 to 0.995
(58 OxiWear recordings); movement lowers it."""
FAINT = 0.0005
"""Pulsatile share of the light (RMS over mean) below which noise makes the ratio."""


@inner
def restart(s: OximetryState, red: float, infrared: float, rest: Floats) -> None:
    """Start both filters at rest and forget the sums."""
    at_rest(s.z_red, rest, red)
    at_rest(s.z_infrared, rest, infrared)
    s.mean_red, s.mean_infrared = red, infrared
    s.both = s.red_power = s.infrared_power = 0.0
    s.started = s.n


@inner
def assess(s: OximetryState, t: OximetryTiming) -> float:
    """Set quality and reasons; return the ratio, NaN when there is none."""
    s.reasons = 0
    s.sqi = 0.0
    dark = s.mean_red <= 0.0 or s.mean_infrared <= 0.0
    if s.missing > t.bridge_n or dark or s.infrared_power <= 0.0 or s.red_power <= 0.0:
        s.reasons = NO_SIGNAL
        return np.nan
    if s.n - s.started < t.settle_n:
        s.reasons = SETTLING
        return np.nan
    alike = s.both / np.sqrt(s.red_power * s.infrared_power)
    s.sqi = min(1.0, max(0.0, (alike - ALIKE_BAD) / (ALIKE_GOOD - ALIKE_BAD)))
    pulsing = np.sqrt(s.infrared_power) / s.mean_infrared
    if pulsing < FAINT:
        s.reasons |= LOW_PERFUSION
        s.sqi = 0.0
    if alike < 0.5 * (ALIKE_BAD + ALIKE_GOOD):
        s.reasons |= MOTION
    if s.sqi <= 0.0:
        return np.nan
    # slope of red on infrared, both by their means: less biased by noise than a ratio of peaks
    return s.both / s.infrared_power * s.mean_infrared / s.mean_red


@inner
def advance(
    s: OximetryState,
    t: OximetryTiming,
    red: Floats,
    infrared: Floats,
    sos: Floats,
    rest: Floats,
    events: Events,
    n_events: int,
) -> int:
    """Take one block of one pair of streams; return the number of events so far."""
    for i in range(red.shape[0]):
        a, b = float(red[i]), float(infrared[i])
        if np.isnan(a) or np.isnan(b):
            s.missing += 1
        else:
            if s.n == s.missing or s.missing > t.bridge_n:
                restart(s, a, b, rest)
            s.missing = 0
            s.mean_red += t.mean_weight * (a - s.mean_red)
            s.mean_infrared += t.mean_weight * (b - s.mean_infrared)
            u = filtered(s.z_red, sos, a)
            v = filtered(s.z_infrared, sos, b)
            s.both += t.weight * (u * v - s.both)
            s.red_power += t.weight * (u * u - s.red_power)
            s.infrared_power += t.weight * (v * v - s.infrared_power)
        s.n += 1
        if s.n % t.second_n == 0:
            ratio = assess(s, t)
            n_events = emit(events, n_events, s, s.n - 1, RATIO, NO_SYMBOL, ratio)
    return n_events


@kernel
def advance_all(
    states: Records[OximetryState],
    timing: Records[OximetryTiming],
    red: Floats,
    infrared: Floats,
    counts: Ints,
    sos: Floats,
    rest: Floats,
    events: Records[Events],
    used: Ints,
) -> None:
    """Take one block of every pair of streams."""
    for slot in range(states.shape[0]):
        n = counts[slot]
        if n > 0:
            used[slot] = advance(
                states[slot],
                timing[0],
                red[slot, :n],
                infrared[slot, :n],
                sos,
                rest,
                events[slot],
                used[slot],
            )
