"""The sampling rates that each analysis can take, and the sentence for one that it cannot."""

from math import isfinite

from teleward_signal.engine.kinds import Kind, kind_of

RATES_HZ = {
    Kind.ECG: (100.0, 1000.0),
    Kind.PPG: (25.0, 1000.0),
    Kind.PPG_RAW: (25.0, 1000.0),
    Kind.RESPIRATION: (10.0, 1000.0),
}
"""Lowest and highest rate in Hz. Below, an R peak or a pulse falls between two samples."""
_NAMES = {
    Kind.ECG: "an ECG",
    Kind.PPG: "a pulse wave",
    Kind.PPG_RAW: "a pulse wave",
    Kind.RESPIRATION: "a breathing signal",
}
_LIGHT = "ppg_red"
"""Analysed beside infrared light, so its rate must be one that infrared may have."""


def analysed_kind(metric: str) -> Kind | None:
    """Return the kind of analysis that ``metric`` takes part in, if any."""
    return Kind.PPG_RAW if metric == _LIGHT else kind_of(metric)


def rate_problem(metric: str, fs: float) -> str | None:
    """Return why a waveform of ``fs`` Hz cannot be analysed, None when it can or need not be."""
    kind = analysed_kind(metric)
    if kind is None:
        return None
    low, high = RATES_HZ[kind]
    if isfinite(fs) and low <= fs <= high:
        return None
    return f"{fs:g} samples a second, but {_NAMES[kind]} needs {low:g} to {high:g}"
