"""Whole recordings through a bank: what the `analyse` functions of ecg, ppg and respiration share.

An array of any real dtype becomes one row of float32, so that each kernel is compiled for one form
only. The same banks run here as in the gateway, so a recording gives what a live stream would.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from teleward_signal.banks.bank import Bank, EventKind
from teleward_signal.errors import Invalid

BLOCK_S = 60.0
"""Length of the blocks that a recording is cut into; the results do not depend on it."""


def as_samples(
    samples: ArrayLike, counts_per_unit: float = 1.0, zero: float = 0.0
) -> NDArray[np.float32]:
    """Return a recording as float32, shape (n,), in its unit; NaN = lost, infinity too.

    ``counts_per_unit`` and ``zero`` turn the counts of a converter into the unit. Raises `Invalid`.
    """
    try:
        given = np.asarray(samples)
    except ValueError:
        raise Invalid("samples in rows of unequal length: give one channel, shape (n,)") from None
    if given.ndim == 1 and given.size == 0:
        raise Invalid("there are no samples: give one channel, shape (n,)")
    if given.ndim != 1:
        raise Invalid(f"samples of shape {given.shape}: give one channel, {_one_of(given.shape)}")
    if given.dtype.kind not in "fiu":
        lost = ", NaN where one is lost" if given.dtype.kind == "O" else ""
        raise Invalid(f"samples of type {given.dtype}: give floats or integers{lost}")
    if not counts_per_unit > 0:
        raise Invalid(f"{counts_per_unit} counts a unit: give a positive number")
    signal = np.ascontiguousarray((given.astype(np.float64) - zero) / counts_per_unit, np.float32)
    signal[np.isinf(signal)] = np.nan
    return signal


def _one_of(shape: tuple[int, ...]) -> str:
    """Return how to take one channel of an array with one row or column a channel."""
    if len(shape) != 2:
        return "shape (n,)"
    return "such as samples[:, 0]" if shape[0] >= shape[1] else "such as samples[0]"


def as_rate(fs: float) -> float:
    """Return a sampling rate in Hz; raises `Invalid` for what is no number."""
    if isinstance(fs, bool) or not isinstance(fs, Real):
        raise Invalid(f"fs {fs!r}: give the sampling rate in Hz, a number")
    return float(fs)


def run(bank: Bank, signal: NDArray[np.float32], tail_s: float) -> NDArray[np.void]:
    """Return the events of a bank of one slot over a recording, by time.

    The last sample is held for ``tail_s`` so that the last beats are decided; events after the
    recording are left out.
    """
    held = np.full(round(tail_s * bank.fs), signal[-1], np.float32)
    whole = np.concatenate([signal, held])
    step = max(1, round(BLOCK_S * bank.fs))
    found = []
    for first in range(0, len(whole), step):
        block = whole[None, first : first + step].copy()
        bank.process(block, np.array([block.shape[1]], np.int32))
        found.append(bank.drain())
    events = np.concatenate(found)
    events = events[(events["sample"] >= 0) & (events["sample"] < len(signal))]
    return events[np.argsort(events["sample"], kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class Numeric:
    """One value each second: ``time_s``, ``value`` (NaN = withheld) and ``sqi``, shape (n,)."""

    name: str
    unit: str
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]
    sqi: NDArray[np.float32]

    def __repr__(self) -> str:
        known = self.value[np.isfinite(self.value)]
        if not len(known):
            return f"<{self.name} withheld, {len(self.value)} s>"
        return f"<{self.name} {np.median(known):.4g} {self.unit}, median of {len(known)} s>"


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch with a name, such as a rhythm: ``start_s`` to ``end_s`` (of the recording)."""

    name: str
    start_s: float
    end_s: float


def numeric(events: NDArray[np.void], kind: EventKind, fs: float, name: str, unit: str) -> Numeric:
    """Return the numeric of a kind of event."""
    chosen = events[events["kind"] == kind]
    return Numeric(name, unit, chosen["sample"] / fs, chosen["value"], chosen["sqi"])


def episodes(
    events: NDArray[np.void],
    on: EventKind,
    off: EventKind,
    names: Mapping[int, str],
    fs: float,
    end_s: float,
) -> tuple[Episode, ...]:
    """Return the stretches between on and off events; an open one ends with the recording."""
    open_: dict[int, float] = {}
    found = []
    for event in events[np.isin(events["kind"], (on, off))]:
        code, at_s = int(event["symbol"]), float(event["sample"] / fs)
        if event["kind"] == on:
            open_.setdefault(code, at_s)
        elif code in open_:
            found.append(Episode(names.get(code, str(code)), open_.pop(code), at_s))
    found += [
        Episode(names.get(code, str(code)), start_s, end_s) for code, start_s in open_.items()
    ]
    return tuple(sorted(found, key=lambda episode: episode.start_s))


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks found in a recording, one each: arrays of shape (n,), named, with `UNITS`."""

    UNITS: ClassVar[Mapping[str, str]] = {"time_s": "s", "interval_s": "s", "sqi": "0 to 1"}
    NOUN: ClassVar[str] = "marks"

    fs: float
    """Sampling rate, Hz."""
    signal: NDArray[np.float32] = field(repr=False)
    """The recording in its unit, shape (n_samples,)."""
    sample: NDArray[np.int64]
    """Sample number of each mark."""
    interval_s: NDArray[np.float64]
    """Time since the mark before, s; NaN for the first and after a gap."""
    sqi: NDArray[np.float32]
    """Quality of the signal at the mark, 0 to 1."""

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Return the time of each mark since the start, s."""
        return self.sample / self.fs

    def __len__(self) -> int:
        """Return the number of marks."""
        return len(self.sample)

    def __repr__(self) -> str:
        length_s = len(self.signal) / self.fs
        return f"<{len(self)} {self.NOUN} in {length_s:.1f} s at {self.fs:g} Hz>"

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of one value a mark, by name."""
        named = {"time_s": self.time_s}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray) and each.name != "signal":
                named[each.name] = value
        return named

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row a mark; ``attrs["units"]`` has the units."""
        frame = _optional("pandas").DataFrame(self.columns())
        frame.attrs["units"] = dict(self.UNITS)
        return frame

    def plot(self, axes: Any = None) -> Any:
        """Draw the recording with its marks; returns the matplotlib axes."""
        if axes is None:
            _, axes = _optional("matplotlib.pyplot").subplots(figsize=(12, 3))
        shown, label = self._shown()
        axes.plot(np.arange(len(shown)) / self.fs, shown, linewidth=0.8, color="0.3", label=label)
        axes.plot(self.time_s, shown[self.sample], "o", markersize=4, label=self.NOUN)
        axes.set_xlabel("time (s)")
        axes.legend(loc="upper right")
        return axes

    def _shown(self) -> tuple[NDArray[Any], str]:
        """Return what is drawn, and its name."""
        return self.signal, "signal"


def _optional(name: str) -> Any:
    """Return a library that only some users have; raises ModuleNotFoundError with the remedy."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = name.partition(".")[0]
        raise ModuleNotFoundError(
            f'this needs {missing}: pip install "teleward[notebook]"', name=missing
        ) from error
