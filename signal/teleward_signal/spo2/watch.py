"""`Oximetry`: red and infrared light of any subject in, SpO2 out, once a second of light.

The two channels of one sensor come as streams of their own; samples of the same time make a pair.
Subjects whose light has one rate share a bank. The saturation is that of the curve which the driver
gives with the red light; without one the measurement is withheld as ``no_calibration`` and carries
the ratio alone.
"""

from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.bank import Reason
from teleward_signal.banks.containment import process_each
from teleward_signal.banks.stream_clock import StreamClock
from teleward_signal.calibration import Calibration
from teleward_signal.model import Measurement, Source
from teleward_signal.spo2.bank import OximetryBank

RED, INFRARED = "ppg_red", "ppg_infrared"
WAIT_S = 2.0
"""Light waits so long for that of the other colour: devices send both within a block."""
TOGETHER = 0.5
"""Samples that the two colours may lie apart and still be one pair."""

Samples = NDArray[np.float32]


@dataclass(slots=True)
class _Channel:
    """Samples of one colour that wait for the other; the first was taken at ``time_ns``."""

    time_ns: int = 0
    samples: Samples = field(default_factory=lambda: np.zeros(0, np.float32))

    def take(self, n: int, fs: float) -> Samples:
        """Remove the first ``n`` samples and return them."""
        taken, self.samples = self.samples[:n], self.samples[n:]
        self.time_ns += round(len(taken) / fs * 1e9)
        return taken


@dataclass(slots=True)
class _Pair:
    """One subject's light and its slot."""

    slot: int
    clock: StreamClock
    calibration: Calibration | None = None
    n: int = 0
    channels: dict[str, _Channel] = field(default_factory=dict)


class Oximetry:
    """Saturation of many subjects; no clock, no I/O; bounded by the subjects present."""

    def __init__(self, quality_floor: float = 0.4) -> None:
        """Begin with nobody; below ``quality_floor`` values are withheld."""
        self._floor = quality_floor
        self._banks: dict[float, OximetryBank] = {}
        self._pairs: dict[tuple[str, float], _Pair] = {}
        self._failed: dict[str, Exception] = {}

    @staticmethod
    def analyses(metric: str, fs: float) -> bool:
        """Return whether light of this metric and rate is one half of a pair."""
        return metric in (RED, INFRARED) and 25 <= fs <= 1000

    def push(
        self,
        subject: str,
        metric: str,
        fs: float,
        time_ns: int,
        samples: Samples,
        gap_samples: int = 0,
        calibration: Calibration | None = None,
    ) -> None:
        """Continue one colour (NaN = lost), its first sample at UTC ``time_ns``.

        ``gap_samples`` were lost before it; ``calibration`` counts where it comes with red light.
        """
        pair = self._pairs.get((subject, fs)) or self._enter(subject, fs)
        if metric == RED:
            pair.calibration = calibration
        channel = pair.channels.setdefault(metric, _Channel(time_ns))
        if gap_samples or not len(channel.samples):
            # a longer gap than the filters bridge says nothing more: let the time tell
            lost = max(0, min(gap_samples, round(fs)))
            channel.samples = np.concatenate([channel.samples, np.full(lost, np.nan, np.float32)])
            channel.time_ns = time_ns - round(len(channel.samples) / fs * 1e9)
        channel.samples = np.concatenate([channel.samples, np.asarray(samples, np.float32)])

    def tick(self) -> list[tuple[str, Measurement]]:
        """Analyse what has its pair; return (subject, SpO2) for each second of light."""
        out = []
        for fs, bank in list(self._banks.items()):
            present = {p.slot: (who, p) for (who, rate), p in self._pairs.items() if rate == fs}
            joined = self._joined(present, fs)
            longest = max((len(red) for red, _ in joined.values()), default=0)
            if longest == 0:
                continue
            counts = np.zeros(bank.n_slots, np.int32)
            both = np.zeros((2, bank.n_slots, longest), np.float32)
            for slot, colours in joined.items():
                counts[slot] = len(colours[0])
                both[:, slot, : counts[slot]] = colours
            failed = process_each(bank.process, bank.taken, counts, both[0], both[1])
            self._failed.update({present[slot][0]: error for slot, error in failed.items()})
            for event in bank.drain():
                subject, pair = present[int(event["slot"])]
                if subject not in self._failed:
                    time_ns = pair.clock.time_ns(int(event["sample"]))
                    out.append((subject, self._measurement(event, pair.calibration, time_ns)))
        for subject in self._failed:
            self.forget(subject)
        return out

    def take_failed(self) -> dict[str, Exception]:
        """Return the subjects whose light could not be analysed since the last call."""
        failed, self._failed = self._failed, {}
        return failed

    def forget(self, subject: str) -> None:
        """Drop a subject who left."""
        for key in [key for key in self._pairs if key[0] == subject]:
            self._banks[key[1]].reset(self._pairs.pop(key).slot)

    def _joined(
        self, present: dict[int, tuple[str, _Pair]], fs: float
    ) -> dict[int, tuple[Samples, Samples]]:
        """Return the paired samples of each slot; a subject whose light has no pair is failed."""
        joined = {}
        for slot, (subject, pair) in present.items():
            try:
                joined[slot] = _join(pair, fs)
            except Exception as error:
                self._failed[subject] = error
        return joined

    def _enter(self, subject: str, fs: float) -> _Pair:
        if fs not in self._banks:
            for rate in set(self._banks) - {rate for _, rate in self._pairs}:
                del self._banks[rate]  # a device that changes its rate fills no memory
        bank = self._banks.setdefault(fs, OximetryBank(fs, 1))
        taken = {pair.slot for (_, rate), pair in self._pairs.items() if rate == fs}
        free = next((slot for slot in range(bank.n_slots) if slot not in taken), None)
        if free is None:
            free = bank.n_slots
            bank.grow(2 * free)
        self._pairs[subject, fs] = pair = _Pair(free, StreamClock(fs))
        return pair

    def _measurement(
        self, event: np.void, calibration: Calibration | None, time_ns: int
    ) -> Measurement:
        """Return what one ratio means, with the curve or the reason that there is none."""
        ratio, quality = float(event["value"]), float(event["sqi"])
        reasons = Reason(int(event["reasons"])).names()
        good = isfinite(ratio) and quality >= self._floor
        value = calibration.spo2(ratio) if calibration and good else None
        reason = None
        if value is None:
            named = "no_calibration" if calibration is None else "outside_calibration"
            reason = named if good else (reasons or ("poor_signal",))[0]
        detail = {
            "ratio": round(ratio, 4) if good else None,
            "calibration": calibration.sensor if calibration else None,
            "reasons": reasons,
        }
        if calibration and calibration.arms is not None:
            detail["arms"] = calibration.arms
        return Measurement(
            "spo2", value, reason, quality, Source.DERIVED, time_ns, valid_s=5.0, detail=detail
        )


def _join(pair: _Pair, fs: float) -> tuple[Samples, Samples]:
    """Take the samples of both colours that lie at the same times; those left alone are lost."""
    none = np.zeros(0, np.float32)
    lost = none
    red, infrared = (pair.channels.setdefault(metric, _Channel()) for metric in (RED, INFRARED))
    if len(red.samples) and len(infrared.samples):
        apart = (infrared.time_ns - red.time_ns) / 1e9 * fs
        if abs(apart) > TOGETHER:
            early = red if apart > 0 else infrared
            lost = np.full_like(early.take(round(abs(apart)), fs), np.nan)
    n = min(len(red.samples), len(infrared.samples))
    if n:
        pair.clock.mark(pair.n + len(lost), red.time_ns)
        pair.n += len(lost) + n
    both = red.take(n, fs), infrared.take(n, fs)
    for channel in (red, infrared):
        channel.take(max(0, len(channel.samples) - round(WAIT_S * fs)), fs)
    return (np.concatenate([lost, both[0]]), np.concatenate([lost, both[1]])) if n else (none, none)
