"""How one beat looks: bumps in seconds around its R, so that a QRS keeps its width at every rate.

    bump = centre s, rise s, fall s, then mV in I, II, V1 ... V6       an asymmetric Gaussian

Forms are fitted to recorded 12-lead beats (`beats.json`: coefficients, source and licence, made by
`fit`); heights are those of textbooks, for the recordings give every lead the same. Ectopic, paced
and ventricular beats are made from the block that they resemble. Anchored in seconds and not in
phase: the phase-domain model of McSharry et al. (IEEE Trans Biomed Eng 50:289, 2003) stretches a
QRS at 40/min to twice its width. A negative fall marks a plateau from ``centre`` to ``centre +
rise`` (ST), `SPIKE` a single sample (the marker that monitors draw of a pacing pulse).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.rhythms.scheduler import Electric
from teleward_simulators.waveforms.leads import N_BASE

Bumps = NDArray[np.float64]

PLATEAU, SPIKE = -1.0, -2.0
"""Mark a row as a plateau, or as one sample of a marker."""
P_CENTRE_S = 0.04
"""The event of a P wave is its onset; the middle of it lies so much later."""
HEIGHTS = {
    "normal": (0.65, 1.05, 0.95, 1.30, 0.90, 1.40, 1.30, 1.00),
    "lbbb": (0.85, 0.75, 1.30, 2.00, 1.80, 0.90, 1.10, 1.20),
    "rbbb": (0.70, 0.85, 0.95, 0.90, 0.80, 0.95, 1.00, 0.90),
    "paced": (0.80, 0.80, 1.10, 1.50, 1.30, 0.70, 1.00, 1.10),
}
"""Greatest deflection of the QRS in mV in each of the base leads."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The QRS and the ST-T of one shape."""

    qrs: Bumps
    t: Bumps


def _fitted() -> tuple[dict[str, Beat], Bumps]:
    """Return the fitted beats at the heights of `HEIGHTS`, and the P wave."""
    text = (Path(__file__).parent / "beats.json").read_text(encoding="utf-8")
    shapes = json.loads(text)["shapes"]
    beats = {}
    for name, heights in HEIGHTS.items():
        qrs, t = _rows(shapes[name]["qrs"]), _rows(shapes[name]["t"])
        scale = np.array(heights) / np.abs(_sampled(qrs)).max(axis=1)
        qrs[:, 3:] *= scale
        t[:, 3:] *= scale
        # where a small QRS was drawn larger, its T would tower over it
        t[:, 3:] *= np.minimum(1.0, 0.4 * np.array(heights) / np.abs(_sampled(t)).max(axis=1))
        beats[name] = Beat(qrs, t)
    p = _rows(shapes["normal"]["p"])
    p[:, 0] -= p[:, 0].mean()
    height = np.array([0.08, 0.13, 0.06, 0.07, 0.07, 0.07, 0.07, 0.07])
    p[:, 3:] *= height / np.abs(_sampled(p)).max(axis=1)
    return beats, p


def _rows(rows: list[list[float]]) -> Bumps:
    """Return rows of the file (centre, SD, mV ...) with rise and fall alike."""
    found = np.array(rows)
    return np.column_stack([found[:, 0], found[:, 1], found[:, 1], found[:, 2:]])


def _sampled(bumps: Bumps) -> NDArray[np.float64]:
    """Return the bumps drawn every 2 ms from -0.2 to 0.6 s, shape (8, 400)."""
    times = np.arange(-0.2, 0.6, 0.002)
    parts = np.exp(-0.5 * ((times - bumps[:, :1]) / bumps[:, 1:2]) ** 2)
    return np.asarray(bumps[:, 3:].T @ parts)


def _made(beat: Beat, wider: float, leads: tuple[float, ...], later_s: float = 0.0) -> Beat:
    """Return ``beat`` with everything ``wider``, T ``later_s``, and its leads multiplied."""
    qrs, t = beat.qrs.copy(), beat.t.copy()
    qrs[:, :3] *= wider
    t[:, 1:3] *= wider**0.5
    t[:, 0] += later_s
    for part in (qrs, t):
        part[:, 3:] *= np.array(leads)
    return Beat(qrs, t)


def _bump(centre_s: float, rise_s: float, fall_s: float, *leads: float) -> Bumps:
    return np.array([[centre_s, rise_s, fall_s, *leads]])


def _delta(normal: Beat) -> Beat:
    """Return a beat that begins early and slurred, one slope with its R."""
    slur = [
        _bump(-0.034, 0.022, 0.020, 0.22, 0.34, 0.25, 0.45, 0.55, 0.60, 0.50, 0.35),
        _bump(-0.016, 0.016, 0.014, 0.15, 0.25, 0.20, 0.30, 0.30, 0.30, 0.30, 0.25),
    ]
    t = normal.t.copy()
    t[:, 3:] *= 0.5
    return Beat(np.vstack([*slur, normal.qrs]), t)


def _shapes() -> tuple[dict[str, Beat], Bumps]:
    beats, p = _fitted()
    # ST goes against the QRS in left bundle branch block
    against = _bump(0.055, 0.12, PLATEAU, -0.06, -0.04, 0.08, 0.14, 0.12, 0.02, -0.07, -0.09)
    left, normal = beats["lbbb"], beats["normal"]
    beats["lbbb"] = Beat(left.qrs, np.vstack([left.t, against]))
    # out of the right ventricle: like left bundle branch block with the axis down
    beats["pvc"] = _made(left, 1.10, (0.6, 1.9, 1.1, 1.0, 1.0, 1.4, 1.0, 0.9), 0.02)
    beats["escape"] = _made(left, 1.10, (0.8, 0.9, 0.7, 0.65, 0.65, 0.9, 0.8, 0.8), 0.02)
    beats["vt"] = _made(left, 1.22, (0.8, 1.7, 0.9, 0.8, 0.8, 1.1, 0.9, 0.9), -0.04)
    # out of the left ventricle, low: tall in V1, negative below and to the left
    beats["vt_right"] = _made(left, 1.22, (-0.7, -1.7, -0.9, -0.7, -0.6, -0.8, -0.9, -0.9), -0.04)
    beats["fusion"] = Beat(
        np.vstack([_half(normal.qrs), _half(beats["vt"].qrs)]),
        np.vstack([_half(normal.t), _half(beats["vt"].t)]),
    )
    turned = _made(left, 1.05, (0.9, 1.5, 0.8, 0.6, 0.6, 1.0, 0.9, 0.8), -0.09)
    beats["torsades"] = Beat(turned.qrs, turned.t * np.array([0.62, 0.8, 0.8, *([1.0] * N_BASE)]))
    beats["torsades_turned"] = _made(
        beats["torsades"], 1.0, (0.9, -0.5, -1.1, -1.0, 0.4, 1.2, 1.0, -0.6)
    )
    beats["delta"] = _delta(normal)
    beats["agonal"] = Beat(
        np.vstack([
            _bump(0.000, 0.060, 0.070, 0.20, 0.50, -0.25, -0.30, -0.25, 0.20, 0.30, 0.30),
            _bump(0.150, 0.060, 0.070, -0.10, -0.20, 0.10, 0.15, 0.10, -0.10, -0.15, -0.15),
        ]),
        _bump(0.40, 0.080, 0.080, -0.05, -0.10, 0.08, 0.10, 0.08, 0.05, -0.06, -0.06),
    )  # fmt: skip
    spike = _bump(-0.070, 0.0, SPIKE, 0.5, 1.0, -0.6, -0.8, -0.8, 0.6, 0.6, 0.5)
    beats["paced"] = Beat(np.vstack([spike, beats["paced"].qrs]), beats["paced"].t)
    return beats, p


def _half(rows: Bumps) -> Bumps:
    out = rows.copy()
    out[:, 3:] *= 0.5
    return out


BEATS, P_WAVE = _shapes()
"""Beats by shape; and the P wave."""
SHAPES: dict[str, Bumps] = {name: beat.qrs for name, beat in BEATS.items()}
T_WAVES: dict[str, Bumps] = {name: beat.t for name, beat in BEATS.items()}

TERRITORIES = {
    "st_anterior": (0.25, -0.10, 0.45, 0.90, 1.00, 0.90, 0.55, 0.25),
    "st_inferior": (-0.20, 0.70, 0.10, -0.25, -0.20, 0.05, 0.20, 0.25),
    "st_lateral": (0.90, 0.15, -0.25, -0.30, -0.15, 0.45, 0.95, 0.90),
}
"""Share of an injury of 1 mV in each base lead; III, aVL and aVF, and so what is reciprocal,
follow."""
FRESH_S, OLD_S, SCARRED_S = 900.0, 5400.0, 16200.0
"""An infarct: tall T first, ST within the quarter hour, Q from 1.5 h and full after 4.5 h."""


def p_bumps(event: Electric) -> Bumps:
    """Return the P wave of ``event`` in absolute seconds."""
    bumps = P_WAVE.copy()
    bumps[:, 0] += event.time_s + P_CENTRE_S
    bumps[:, 3:] *= event.scale
    return bumps


@dataclass(frozen=True, slots=True)
class Heart:
    """What changes the form of beats: potassium in mmol/L, Cel, factor on QT, seconds of injury."""

    potassium: float = 4.2
    temperature: float = 37.0
    qt: float = 1.0
    injured_s: float = 3600.0


def qrs_bumps(event: Electric, heart: Heart, injury: dict[str, float]) -> Bumps:
    """Return QRS, ST and T of ``event`` in absolute seconds, shape (n_bumps, 11).

    ``injury`` maps territories to mV.
    """
    if event.shape == "normal" and heart.potassium > SINE_FROM:
        return _sine_wave(event)
    beat = BEATS[event.shape]
    qrs, t = _with_potassium(event.shape, beat, heart.potassium)
    root = min(1.25, max(0.38, event.rr_s)) ** 0.5 / _ROOT
    cold = 1.0 + 0.035 * max(0.0, 35.0 - heart.temperature)
    stretch = root * heart.qt * cold
    # at fast rates T rides on the end of the QRS: never nearer than 140 ms
    first = t[:, 0].min()
    t[:, 0] = np.maximum(t[:, 0] * stretch, np.minimum(0.14, first) + 0.0 * t[:, 0])
    t[:, 1:3] *= min(1.25, max(0.6, stretch))
    parts = [qrs, t]
    if heart.potassium < 3.4 and event.shape == "normal":
        parts.append(_u_wave(heart.potassium, t[:, 0].max()))
    if heart.temperature < 32.0:
        parts.append(_osborn(heart.temperature))
    for territory, level in injury.items():
        if level:
            parts += _injured(territory, level, heart.injured_s, root)
    bumps = np.vstack(parts)
    bumps[:, 3:] *= event.scale
    if event.angle:
        other = BEATS["torsades_turned"]
        turned = np.vstack([other.qrs, other.t])
        cos, sin = np.cos(event.angle), np.sin(event.angle)
        bumps[:, 3:] = cos * bumps[:, 3:] + sin * event.scale * turned[:, 3:]
    bumps[:, 0] += event.time_s
    return bumps


SINE_FROM = 8.2
"""mmol/L from which QRS and T are one wave."""
_ROOT = 0.8**0.5
"""Square root of the interval that the fitted T waves belong to."""


def _with_potassium(shape: str, beat: Beat, potassium: float) -> tuple[Bumps, Bumps]:
    """Return QRS and T as potassium makes them: T peaked, QRS wide and low, or T flat."""
    qrs, t = beat.qrs.copy(), beat.t.copy()
    wide = min(1.0, max(0.0, (potassium - 6.5) / 1.0))
    peaked = min(1.0, max(0.0, (potassium - 5.5) / 1.2))
    flat = min(0.85, max(0.0, (3.6 - potassium) / 1.0))
    if shape == "normal":
        spread = 1.0 + 1.1 * wide + 0.5 * max(0.0, potassium - 7.5)
        qrs[:, :3] *= spread
        qrs[:, 3:] *= 1.0 - 0.35 * wide
        t[:, 1:3] *= 1.0 - 0.35 * peaked
        t[:, 3:] *= 1.0 + 2.2 * peaked
        t[:, 0] += 0.05 * wide
    t[:, 3:] *= 1.0 - flat
    return qrs, t


def _sine_wave(event: Electric) -> Bumps:
    """Return one turn of the wave that a heart of too much potassium draws."""
    width = 0.16 * event.rr_s
    leads = np.array([0.5, 0.9, -0.5, -0.7, -0.5, 0.5, 0.7, 0.6]) * event.scale
    up = np.array([event.time_s, width, width, *leads])
    down = np.array([event.time_s + 0.5 * event.rr_s, width, width, *(-0.8 * leads)])
    return np.vstack([up, down])


def _u_wave(potassium: float, after_s: float) -> Bumps:
    """Return the U wave of too little potassium, and the ST that sinks with it."""
    low = min(1.0, (3.4 - potassium) / 1.0)
    height = 0.16 * low
    wave = _bump(after_s + 0.17, 0.05, 0.06, *(height * np.array(
        [0.5, 0.8, 0.4, 1.0, 1.1, 1.0, 0.8, 0.6])))  # fmt: skip
    sunk = _bump(0.06, 0.10, PLATEAU, *(-0.07 * low * np.array(
        [0.6, 0.9, 0.0, 0.3, 0.8, 1.1, 1.1, 0.9])))  # fmt: skip
    return np.vstack([wave, sunk])


def _osborn(temperature: float) -> Bumps:
    """Return the J wave of the cold heart."""
    height = min(0.5, 0.08 * (32.0 - temperature))
    leads = height * np.array([0.6, 0.9, 0.3, 0.5, 0.9, 1.1, 1.0, 0.9])
    return _bump(0.058, 0.010, 0.016, *leads)


def _injured(territory: str, level: float, injured_s: float, root: float) -> list[Bumps]:
    """Return the ST dome that runs into T, the tall T before it and the Q after it."""
    leads = level * np.array(TERRITORIES[territory])
    risen = min(1.0, 0.45 + 0.55 * injured_s / FRESH_S)
    fresh = np.exp(-injured_s / FRESH_S)
    scar = min(1.0, max(0.0, (injured_s - OLD_S) / (SCARRED_S - OLD_S)))
    parts = [
        _bump(0.045, 0.17 * root, PLATEAU, *(risen * leads)),
        _bump(0.23 * root, 0.060, 0.050, *((0.55 + 0.9 * fresh) * leads)),
    ]
    if scar > 0.0 and level > 0.0:
        towards = np.maximum(np.array(TERRITORIES[territory]), 0.0)
        parts.append(_bump(-0.012, 0.016, 0.016, *(-0.9 * scar * towards)))
    return parts
