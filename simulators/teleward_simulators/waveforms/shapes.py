"""How one beat looks: bumps in seconds around its R, so that a QRS keeps its width at every rate.

    bump = centre s, rise s, fall s, x mV, y mV, z mV      an asymmetric Gaussian with a direction

Anchored in seconds and not in phase: the phase-domain model of McSharry et al. (IEEE Trans Biomed
Eng 50:289, 2003) stretches a QRS at 40/min to twice its width. A negative fall marks a plateau
from ``centre`` to ``centre + rise`` (the ST segment). QRS widths count 2.2 SD beyond the outer
bumps: normal 96, LBBB 149, RBBB 132, PVC 170, VT 150 ms.
"""

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.rhythms.scheduler import Electric

Bumps = NDArray[np.float64]

PLATEAU = -1.0
"""Marks a row as a plateau."""

P_WAVE = np.array([[0.0, 0.025, 0.025, 0.060, 0.104, 0.02]])
"""The event is its centre's onset; the bump lies 40 ms later."""
P_CENTRE_S = 0.04

SHAPES: dict[str, Bumps] = {
    "normal": np.array([
        [-0.028, 0.008, 0.008, -0.110, -0.030, 0.22],
        [0.000, 0.011, 0.011, 0.600, 0.870, -0.55],
        [0.028, 0.010, 0.010, -0.150, -0.170, -0.25],
    ]),
    "lbbb": np.array([
        [-0.022, 0.020, 0.020, 0.700, 0.270, -0.90],
        [0.030, 0.024, 0.024, 0.850, 0.250, -0.80],
    ]),
    "rbbb": np.array([
        [-0.028, 0.008, 0.008, -0.090, -0.030, 0.25],
        [-0.005, 0.012, 0.012, 0.600, 0.800, -0.45],
        [0.055, 0.018, 0.018, -0.400, -0.100, 0.75],
    ]),
    "pvc": np.array([
        [0.000, 0.028, 0.028, 0.650, 1.200, -0.60],
        [0.060, 0.022, 0.022, -0.150, -0.300, -0.30],
    ]),
    "vt": np.array([[0.000, 0.034, 0.034, 0.500, 1.160, -0.80]]),
    "torsades": np.array([[0.000, 0.030, 0.034, 0.450, 1.000, -0.60]]),
    "escape": np.array([
        [-0.020, 0.022, 0.022, 0.450, 0.500, -0.60],
        [0.035, 0.020, 0.020, 0.350, 0.350, -0.40],
    ]),
    "agonal": np.array([
        [0.000, 0.060, 0.070, 0.200, 0.450, -0.20],
        [0.150, 0.060, 0.070, -0.100, -0.200, 0.00],
    ]),
    "paced": np.array([
        [-0.055, 0.0015, 0.0015, 0.500, 1.100, -0.50],
        [-0.005, 0.026, 0.026, 0.500, -0.700, -0.90],
        [0.045, 0.022, 0.022, 0.250, -0.350, -0.40],
    ]),
    "delta": np.array([
        [-0.045, 0.020, 0.020, 0.180, 0.250, 0.20],
        [0.000, 0.013, 0.013, 0.600, 0.820, -0.10],
        [0.030, 0.010, 0.010, -0.100, -0.120, -0.20],
    ]),
}  # fmt: skip
"""QRS by name; lead II of the normal beat has q -0.08, R 1.05, s -0.22 mV."""

T_WAVES: dict[str, Bumps] = {
    "normal": np.array([[0.27, 0.055, 0.040, 0.160, 0.230, 0.10]]),
    "lbbb": np.array([[0.31, 0.060, 0.050, -0.220, -0.080, 0.30]]),
    "rbbb": np.array([[0.29, 0.055, 0.045, 0.150, 0.210, -0.20]]),
    "pvc": np.array([[0.30, 0.070, 0.055, -0.200, -0.420, 0.25]]),
    "vt": np.array([[0.17, 0.050, 0.050, -0.350, -0.760, 0.45]]),
    "torsades": np.array([[0.14, 0.040, 0.040, -0.250, -0.500, 0.30]]),
    "escape": np.array([[0.30, 0.065, 0.055, -0.130, -0.220, 0.30]]),
    "agonal": np.array([[0.40, 0.080, 0.080, -0.050, -0.100, 0.05]]),
    "paced": np.array([[0.30, 0.065, 0.055, -0.200, 0.280, 0.40]]),
    "delta": np.array([[0.27, 0.055, 0.040, 0.120, 0.170, -0.10]]),
}
"""T by name; its place follows the square root of the interval, so QTc stays."""

PEAKED_T = np.array([0.24, 0.033, 0.033, 0.45, 0.72, 0.40])
WIDE_QRS = np.array([
    [0.000, 0.024, 0.024, 0.430, 0.620, -0.40],
    [0.055, 0.022, 0.022, -0.180, -0.300, -0.20],
])  # fmt: skip
"""What a beat of K 7.5 mmol/L looks like; in between shapes are mixed."""

ST_VECTORS = {
    "st_anterior": (0.15, -0.15, 0.80),
    "st_inferior": (-0.20, 1.05, -0.15),
    "st_lateral": (1.00, -0.45, 0.10),
}
"""Direction of the injury current of a territory: reciprocal leads follow by themselves."""


def p_bumps(event: Electric) -> Bumps:
    """Return the P wave of ``event`` in absolute seconds."""
    bumps = P_WAVE.copy()
    bumps[:, 0] += event.time_s + P_CENTRE_S
    bumps[:, 3:] *= event.scale
    return bumps


def qrs_bumps(
    event: Electric, potassium: float, temperature: float, injury: dict[str, float]
) -> Bumps:
    """Return QRS, ST and T of ``event`` in absolute seconds, shape (n_bumps, 6).

    ``potassium`` is what the heart feels in mmol/L, ``injury`` maps territories to mV.
    """
    qrs, t = SHAPES[event.shape], T_WAVES[event.shape].copy()
    qt = min(1.25, max(0.38, event.rr_s)) ** 0.5
    wide = min(1.0, max(0.0, (potassium - 6.5) / 1.0))
    peaked = min(1.0, max(0.0, (potassium - 5.5) / 1.2))
    flat = min(0.75, max(0.0, (3.5 - potassium) / 1.2))
    if wide > 0.0 and event.shape == "normal":
        narrow = qrs.copy()
        narrow[:, 3:] *= 1.0 - wide
        broad = WIDE_QRS.copy()
        broad[:, 3:] *= wide
        broad[:, :3] *= 1.0 + max(0.0, potassium - 7.5)  # towards the sine wave
        qrs = np.vstack([narrow, broad])
    t = t + peaked * (PEAKED_T - t) if event.shape == "normal" else t
    t[:, 3:] *= 1.0 - flat
    # at fast rates T rides on the end of the QRS: never nearer than 140 ms
    t[:, 0] = np.maximum(t[:, 0] * qt, min(0.14, t[0, 0]))
    parts = [qrs, t]
    if temperature < 32.0:
        height = min(0.5, 0.08 * (32.0 - temperature))
        parts.append(np.array([[0.058, 0.010, 0.016, 0.6 * height, 0.8 * height, 0.2 * height]]))
    for territory, level in injury.items():
        if level:
            x, y, z = ST_VECTORS[territory]
            end_s = 0.155 * qt
            parts.append(np.array([[0.045, end_s, PLATEAU, x * level, y * level, z * level]]))
    bumps = np.vstack(parts)
    bumps[:, 3:] *= event.scale
    if event.angle:
        cos, sin = np.cos(event.angle), np.sin(event.angle)
        left, down = bumps[:, 3].copy(), bumps[:, 4].copy()
        bumps[:, 3], bumps[:, 4] = cos * left - sin * down, sin * left + cos * down
    bumps[:, 0] += event.time_s
    return bumps
