"""How breathing modulates a PPG (its baseline) or an ECG (the height of R), and its spectrum.

Told in full in ``signal/README.md``. Each second the last 32 s of the modulation, four samples a
second, become power at 129 rates from 5 to 43 a minute.
"""

import numpy as np

from teleward_signal.banks.biquads import at_rest, filtered
from teleward_signal.banks.slot_bank import median
from teleward_signal.compiled.cache import inner, kernel
from teleward_signal.compiled.records import Floats, Ints, Records
from teleward_signal.respiration.modulation_state import (
    HISTORY,
    N_BINS,
    N_RING,
    ModulationState,
    ModulationTiming,
)

IN_BAND, BIN_SPACING = 0.4, 0.16
"""Share of the power that must lie at the rates looked at; bins lie 0.16 lines of 32 s apart."""
CLIP = 0.35
"""An R this far from the usual height, as a share, is ectopic: it is cut to that."""


@inner
def restart(s: ModulationState, x: float, rest: Floats) -> None:
    """Start the filters as if ``x`` had been constant and empty the window."""
    at_rest(s.z, rest, x)
    s.ring_n = 0
    s.started = s.n
    s.inside = 0


@inner
def height_of_r(s: ModulationState, t: ModulationTiming, v: float) -> float:
    """Follow the complexes of a band-passed ECG; return the newest height, held between beats."""
    size = abs(v)
    s.level *= t.decay
    if s.inside == 0:
        if size > 0.5 * s.level and s.n - s.last_at > t.refractory_n:
            s.inside, s.last_at = 1, s.n
            s.top = s.bottom = v
        return s.held_height
    s.top = max(s.top, v)
    s.bottom = min(s.bottom, v)
    s.level = max(s.level, size)
    if s.n - s.last_at >= t.complex_n:
        s.inside = 0
        height = s.top - s.bottom
        s.heights[s.heights_n % HISTORY] = height
        s.heights_n += 1
        usual = median(s.heights, min(s.heights_n, HISTORY))
        s.held_height = min(max(height, (1.0 - CLIP) * usual), (1.0 + CLIP) * usual)
    return s.held_height


@inner
def spectrum(s: ModulationState, cosines: Floats, sines: Floats, power: Floats) -> bool:
    """Write the share of power at each rate of the window, its trend removed; sum 1.

    Return whether those rates hold what moves: breathing faster than all of them does not.
    """
    mean = slope = norm = 0.0
    half = 0.5 * (N_RING - 1)
    x = np.empty(N_RING)
    for k in range(N_RING):
        x[k] = s.ring[(s.ring_n + k) % N_RING]
        mean += x[k] / N_RING
        slope += (k - half) * x[k]
        norm += (k - half) * (k - half)
    slope /= norm
    for k in range(N_RING):
        x[k] = (x[k] - mean - slope * (k - half)) * (
            0.5 - 0.5 * np.cos(2.0 * np.pi * k / (N_RING - 1))
        )
    whole = 1e-300
    for k in range(N_RING):
        whole += x[k] * x[k]
    total = 1e-300
    for b in range(N_BINS):
        re = im = 0.0
        for k in range(N_RING):
            re += cosines[b, k] * x[k]
            im += sines[b, k] * x[k]
        power[b] = re * re + im * im
        total += power[b]
    for b in range(N_BINS):
        power[b] /= total
    return total * BIN_SPACING > IN_BAND * 0.5 * N_RING * whole


@inner
def advance(
    s: ModulationState,
    t: ModulationTiming,
    samples: Floats,
    sos: Floats,
    rest: Floats,
    cosines: Floats,
    sines: Floats,
    power: Floats,
) -> None:
    """Take one block of one stream; ``power`` is renewed each second."""
    for i in range(samples.shape[0]):
        x = float(samples[i])
        if np.isnan(x):
            s.missing += 1
            x = s.held
        else:
            if s.n == s.missing or s.missing > t.bridge_n:
                restart(s, x, rest)
            s.missing = 0
            s.held = x
        if s.missing <= t.bridge_n and s.missing < s.n + 1 - s.started:
            v = filtered(s.z, sos, x)
            if t.is_ecg == 1:
                v = height_of_r(s, t, v)
            if (s.n - s.started) % t.coarse_n == 0 and s.n - s.started >= t.settle_n:
                s.ring[s.ring_n % N_RING] = v
                s.ring_n += 1
        s.n += 1
        if s.n % t.second_n == 0:
            s.known = 1 if s.ring_n >= N_RING and s.missing <= t.bridge_n else 0
            if s.known == 1 and not spectrum(s, cosines, sines, power):
                s.known = 0


@kernel
def advance_all(
    states: Records[ModulationState],
    timing: Records[ModulationTiming],
    samples: Floats,
    counts: Ints,
    sos: Floats,
    rest: Floats,
    cosines: Floats,
    sines: Floats,
    powers: Floats,
) -> None:
    """Take one block of every stream."""
    for slot in range(states.shape[0]):
        n = counts[slot]
        if n > 0:
            advance(
                states[slot],
                timing[0],
                samples[slot, :n],
                sos,
                rest,
                cosines,
                sines,
                powers[slot],
            )
