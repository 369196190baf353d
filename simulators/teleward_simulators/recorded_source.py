"""A person's own recording as a patient: the samples as they are, each wave at its own rate.

After its end the recording starts again, with a pause that no detector joins. The files: WFDB
(`wfdb_source`), EDF and the tables of an export (`recorded_files`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from teleward_signal.errors import Invalid

SEAM_S = 2.0
"""Silence between two rounds: longer than a normal RR."""
HELD_S = 60.0
"""How long a recorded value stands: a minute, as pages show it."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One recorded wave at ``fs`` Hz in the unit of its metric, float32, NaN in its holes."""

    fs: float
    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """A recording as a `VitalSource`.

    ``beats_s`` are times of R peaks, ``values`` times and numbers of recorded values by metric;
    all in seconds since the begin.
    """

    waves: Mapping[str, Wave]
    beats_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    values: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(
        default_factory=dict
    )

    @property
    def duration_s(self) -> float:
        """How long the recording is: its longest wave, or its last value."""
        lengths = [len(wave.samples) / wave.fs for wave in self.waves.values()]
        lengths += [float(times[-1]) + 1.0 for times, _ in self.values.values() if len(times)]
        return max(lengths, default=0.0)

    def metrics(self) -> frozenset[str]:
        """Return the recorded waves and values, and the heart rate when there are beats."""
        rate = {"heart_rate"} if len(self.beats_s) else set()
        return frozenset(self.waves) | frozenset(self.values) | rate

    def sampling_rate(self, metric: str) -> float:
        """Return the recorded rate of a wave in Hz."""
        return self.waves[metric].fs

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the newest recorded value, or the heart rate of the last ten seconds of beats."""
        if metric in self.values:
            times, numbers = self.values[metric]
            at_s = time_s % (self.duration_s + SEAM_S)
            place = int(np.searchsorted(times, at_s, "right")) - 1
            held = place >= 0 and at_s - times[place] <= HELD_S
            return float(numbers[place]) if held and np.isfinite(numbers[place]) else None
        if metric not in ("heart_rate", "pulse_rate"):
            return None
        beats = self.beats(max(0.0, time_s - 10.0), time_s)
        return 60.0 * (len(beats) - 1) / (beats[-1] - beats[0]) if len(beats) > 1 else None

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return recorded samples; ``fs`` must be the recorded rate."""
        wave = self.waves[metric]
        if fs != wave.fs:
            raise Invalid(f"{metric} was recorded at {wave.fs} Hz, not at {fs} Hz")
        at = (first + np.arange(count)) % round((self.duration_s + SEAM_S) * fs)
        out = np.full(count, np.nan, np.float32)
        inside = at < len(wave.samples)
        out[inside] = wave.samples[at[inside]]
        return out

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the annotated beats in [start_s, end_s)."""
        period_s = self.duration_s + SEAM_S
        rounds = range(int(start_s // period_s), int(end_s // period_s) + 1)
        times = np.concatenate([self.beats_s + number * period_s for number in rounds])
        chosen: list[float] = times[(times >= start_s) & (times < end_s)].tolist()
        return chosen
