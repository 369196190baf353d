"""Coefficients of the digital filters: Butterworth by bilinear transform, and the mains notch.

Everything here runs once, at start-up. A cascade is ``sos``, float64, shape (n_sections, 6), rows
``b0 b1 b2 1 a1 a2`` as in SciPy, against which the tests compare it.
"""

import numpy as np
from numpy.typing import NDArray

Sos = NDArray[np.float64]


def butterworth_lowpass(order: int, cutoff_hz: float, fs: float) -> Sos:
    """Return a low-pass, -3 dB at ``cutoff_hz``."""
    warped = _warp(cutoff_hz, fs)
    return _sections(_prototype(order) * warped, zeros_dc=0, fs=fs, unity_hz=0.0)


def butterworth_highpass(order: int, cutoff_hz: float, fs: float) -> Sos:
    """Return a high-pass, -3 dB at ``cutoff_hz``."""
    warped = _warp(cutoff_hz, fs)
    return _sections(warped / _prototype(order), zeros_dc=order, fs=fs, unity_hz=fs / 2)


def butterworth_bandpass(order: int, low_hz: float, high_hz: float, fs: float) -> Sos:
    """Return a band-pass of 2 x ``order`` poles, -3 dB at both edges."""
    low, high = _warp(low_hz, fs), _warp(high_hz, fs)
    shifted = _prototype(order) * (high - low) / 2
    split = np.sqrt(shifted**2 - low * high)
    poles = np.concatenate([shifted + split, shifted - split])
    centre_hz = np.arctan(np.sqrt(low * high) / (2 * fs)) * fs / np.pi
    return _sections(poles, zeros_dc=order, fs=fs, unity_hz=centre_hz)


def notch(frequency_hz: float, quality: float, fs: float) -> Sos:
    """Return one section that stops ``frequency_hz``; -3 dB width is frequency / ``quality``.

    Orfanidis, Introduction to Signal Processing, 1996, section 11.3.
    """
    w0 = 2 * np.pi * frequency_hz / fs
    gain = 1 / (1 + np.tan(w0 / quality / 2))
    cosine = -2 * np.cos(w0)
    return np.array([[gain, gain * cosine, gain, 1.0, gain * cosine, 2 * gain - 1]])


def passthrough(n_sections: int) -> Sos:
    """Return sections that change nothing, to pad a cascade to a fixed length."""
    return np.tile(np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), (n_sections, 1))


def steady_state(sos: Sos) -> NDArray[np.float64]:
    """Return the state, shape (n_sections, 2), of a cascade that has seen ones indefinitely."""
    state = np.zeros((len(sos), 2))
    level = 1.0
    for section, (b0, b1, b2, _, a1, a2) in enumerate(sos):
        out = level * (b0 + b1 + b2) / (1 + a1 + a2)
        state[section, 1] = b2 * level - a2 * out
        state[section, 0] = b1 * level - a1 * out + state[section, 1]
        level = out
    return state


def gain_at(sos: Sos, frequency_hz: float, fs: float) -> complex:
    """Return the complex gain of a cascade at one frequency."""
    z = np.exp(-2j * np.pi * frequency_hz / fs)
    numerator = sos[:, 0] + sos[:, 1] * z + sos[:, 2] * z * z
    denominator = 1 + sos[:, 4] * z + sos[:, 5] * z * z
    return complex(np.prod(numerator / denominator))


def group_delay_s(sos: Sos, frequency_hz: float, fs: float) -> float:
    """Return the delay in s that a cascade gives a narrow packet at ``frequency_hz``."""
    step_hz = min(0.01, frequency_hz / 10)
    before = gain_at(sos, frequency_hz - step_hz, fs)
    after = gain_at(sos, frequency_hz + step_hz, fs)
    return float(-np.angle(after / before) / (2 * np.pi * 2 * step_hz))


def _warp(frequency_hz: float, fs: float) -> float:
    if not 0 < frequency_hz < fs / 2:
        raise ValueError(f"cut-off {frequency_hz} Hz must lie between 0 and half of fs {fs} Hz")
    return float(2 * fs * np.tan(np.pi * frequency_hz / fs))


def _prototype(order: int) -> NDArray[np.complex128]:
    angle = np.pi * (2 * np.arange(order) + order + 1) / (2 * order)
    poles: NDArray[np.complex128] = np.exp(1j * angle)
    return poles


def _sections(poles: NDArray[np.complex128], zeros_dc: int, fs: float, unity_hz: float) -> Sos:
    """Map analogue poles to sections; ``zeros_dc`` zeros fall on z = 1, the rest on z = -1."""
    digital = (2 * fs + poles) / (2 * fs - poles)
    upper = digital[digital.imag > 1e-9]
    real = np.sort(digital[abs(digital.imag) <= 1e-9].real)
    pairs = [(-2 * p.real, abs(p) ** 2) for p in upper]
    pairs += [(-(a + b), a * b) for a, b in zip(real[0::2], real[1::2], strict=False)]
    if len(real) % 2:
        pairs.append((-real[-1], 0.0))
    pairs.sort(key=lambda pair: pair[1])
    zeros = [1.0] * zeros_dc + [-1.0] * (len(digital) - zeros_dc)
    rows = []
    for a1, a2 in pairs:
        n_zeros = 2 if a2 else 1
        taken = [zeros.pop(0 if k == 0 else -1) for k in range(min(n_zeros, len(zeros)))]
        rows.append([*np.poly(taken), *[0.0] * (2 - len(taken)), 1.0, a1, a2])
    sos = np.array(rows)
    for row in range(len(sos)):
        sos[row, :3] /= abs(gain_at(sos[row : row + 1], unity_hz, fs)) or 1.0
    return sos
