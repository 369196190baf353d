"""Streams that cannot be used: each is one technical alarm of one bed, and nothing else.

block ---> block_problem ----> the device sent no samples that anyone can use: not recorded
   |
   +----> DspWorker ---> Refusal   recorded and shown, not analysed; analysed again at the first
                                   block that can be, its alarm ends `STEADY_S` later
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from teleward_gateway.ward.ward_state import WardState
from teleward_signal.model import SampleBlock
from teleward_signal.vocabulary import METRICS

FASTEST_HZ = 20_000.0
"""No waveform of a body is sampled faster; one second of it fits a block of the journal."""
CONDITION = "not_analysed"
UNUSABLE = "not_usable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a waveform of a device is not analysed; ``reason`` None: it is again."""

    subject: str
    metric: str
    device: str
    reason: str | None


def block_problem(block: SampleBlock) -> str | None:
    """Return why the samples of a block mean nothing, None when they can be used."""
    samples = block.samples
    if not isinstance(samples, np.ndarray) or samples.ndim != 1:
        return "its samples are not one row of numbers"
    if samples.dtype not in (np.int16, np.int32):
        return f"its samples are {samples.dtype}, not int16 or int32"
    if not (isfinite(block.fs) and 0 < block.fs <= FASTEST_HZ):
        return f"it states {block.fs:g} samples a second"
    if not (isfinite(block.scale) and isfinite(block.offset) and abs(block.scale) < 1e12):
        return f"its scale is {block.scale:g}, its offset {block.offset:g}"
    return None


class StreamGuard:
    """Keeps what is wrong with each device's streams, and its one alarm; bounded by the devices."""

    def __init__(self, state: WardState) -> None:
        self._state = state
        self._wrong: dict[tuple[str, str, str], dict[str, str]] = {}

    def take(self, refusal: Refusal, condition: str = CONDITION) -> None:
        """Note that a waveform cannot be used, or can be again."""
        key = (condition, refusal.subject, refusal.device)
        wrong = dict(self._wrong.get(key, {}))
        if refusal.reason is None:
            wrong.pop(refusal.metric, None)
        else:
            wrong[refusal.metric] = refusal.reason
        if wrong == self._wrong.get(key, {}):
            return
        self._wrong[key] = wrong
        if not wrong:
            del self._wrong[key]
        self._show(key)

    def judge(self, subject: str, device: str, block: SampleBlock) -> bool:
        """Return whether a block can be used; one that cannot is an alarm of its bed."""
        reason = block_problem(block)
        if reason is not None or (UNUSABLE, subject, device) in self._wrong:
            self.take(Refusal(subject, block.metric, device, reason), UNUSABLE)
        return reason is None

    def release(self, subject: str, device: str) -> None:
        """Drop what is known of a device that was taken off; its alarms end with it."""
        for condition in (CONDITION, UNUSABLE):
            self._wrong.pop((condition, subject, device), None)

    def forget(self, subject: str) -> None:
        """Drop what is known of a subject who left."""
        for key in [key for key in self._wrong if key[1] == subject]:
            del self._wrong[key]

    def _show(self, key: tuple[str, str, str]) -> None:
        condition, subject, device = key
        wrong = self._wrong.get(key, {})
        what = "not analysed" if condition == CONDITION else "not usable"
        parts = [f"{_label(metric)} {what}: {reason}" for metric, reason in sorted(wrong.items())]
        text = f"{'; '.join(parts)} ({device})"
        self._state.technical(subject, f"{condition}:{device}", bool(wrong), text, device)


def _label(metric: str) -> str:
    known = METRICS.get(metric)
    if known is None:
        return metric
    return f"ECG {known.label}" if metric.startswith("ecg_") else known.label
