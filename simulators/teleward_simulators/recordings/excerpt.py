"""A real recording as a patient: the same samples, at their own rate, again and again.

The excerpt starts anew after its end; two seconds of NaN stand between, because joining the
last sample to the first would draw a heart that never beat like that.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid

SEAM_S = 2.0
"""Silence between two rounds: longer than a normal RR, so no detector joins the two ends."""


@cache
def names() -> tuple[str, ...]:
    """Return the names of the excerpts that ship with the package."""
    folder = files("teleward_simulators.recordings") / "data"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".json")))


class Excerpt:
    """One shipped recording as a `VitalSource`.

    Raises KeyError, naming the excerpts there are, for an unknown ``name``.
    """

    def __init__(self, name: str) -> None:
        if name not in names():
            raise KeyError(f"no recording named {name!r}; there are: {', '.join(names())}")
        folder = files("teleward_simulators.recordings") / "data"
        self.about: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        with (folder / f"{name}.npz").open("rb") as file, np.load(file) as data:
            self._beats = np.asarray(data["beats"])
            self._waves = {
                metric: np.cumsum(data[f"wave_{metric}"], dtype=np.int16)
                for metric in self.about["waves"]
            }
            self._numerics = {m: np.asarray(data[f"numeric_{m}"]) for m in self.about["numerics"]}
        metric, wave = next(iter(self.about["waves"].items()))
        self.duration_s = len(self._waves[metric]) / wave["fs"]

    @property
    def source(self) -> str:
        """Return where the recording comes from."""
        return str(self.about["source"])

    def metrics(self) -> frozenset[str]:
        """Return the recorded metrics."""
        return frozenset(self._waves) | frozenset(self._numerics)

    def sampling_rate(self, metric: str) -> float:
        """Return the recorded rate of a waveform in Hz; raises KeyError when not recorded."""
        return float(self.about["waves"][metric]["fs"])

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the recorded value of the second that holds ``time_s``."""
        values = self._numerics.get(metric)
        if values is None:
            return None
        second = int(time_s % (self.duration_s + SEAM_S))
        if second >= len(values) or np.isnan(values[second]):
            return None
        return float(values[second])

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return recorded samples; ``fs`` must be the recorded rate (no sample is invented)."""
        wave = self.about["waves"][metric]
        if fs != wave["fs"]:
            raise Invalid(f"{metric} was recorded at {wave['fs']} Hz, not at {fs} Hz")
        raw = self._waves[metric]
        period = len(raw) + round(SEAM_S * fs)
        number = (first + np.arange(count)) % period
        inside = number < len(raw)
        values = raw[np.where(inside, number, 0)] * np.float32(wave["scale"]) + wave["offset"]
        return np.where(inside, values, np.nan).astype(np.float32)

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the reference R peaks in [start_s, end_s)."""
        period = self.duration_s + SEAM_S
        found: list[float] = []
        for lap in range(int(start_s // period), int(end_s // period) + 1):
            times = self._beats + lap * period
            found += times[(times >= start_s) & (times < end_s)].tolist()
        return found
