"""ECG streams: millivolts in, beats and heart rate out.

`EcgBank` follows the convention of ``bank.py``. The loop is in ``ecg_kernel.py``, the memory of a
stream in ``ecg_state.py``, the algorithm is told in ``signal/README.md``.
"""

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from teleward_signal import design, ecg_kernel
from teleward_signal.bank import EVENT_DTYPE
from teleward_signal.ecg_state import (
    ECG_STATE,
    N_FEATURES,
    detection_band,
    shape_band,
    timing,
)


def load_weights(name: str) -> NDArray[np.float32]:
    """Return a weight vector that comes with the package."""
    with (files("teleward_signal") / "weights" / f"{name}.npy").open("rb") as file:
        weights: NDArray[np.float32] = np.load(file, allow_pickle=False)
    return weights.astype(np.float32)


class EcgBank:
    """Beats and heart rate of ``n_slots`` ECG streams of ``fs`` Hz, samples in mV."""

    def __init__(self, fs: float, n_slots: int, weights: NDArray[np.float32] | None = None) -> None:
        self.fs = fs
        self.n_slots = 0
        self.sqi = np.zeros(0, np.float32)
        self.reasons = np.zeros(0, np.uint32)
        self._timing = timing(fs)
        bands = (detection_band(fs), shape_band(fs))
        self._filters = np.stack(bands)
        self._rests = np.stack([design.steady_state(band) for band in bands])
        self._weights = load_weights("ecg_beat") if weights is None else weights
        self._states = np.zeros(0, ECG_STATE)
        self._events = np.zeros((0, 0), EVENT_DTYPE)
        self._used = np.zeros(0, np.int64)
        self.trace = np.zeros((1, N_FEATURES + 2), np.float32)
        self.grow(n_slots)

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Advance every slot; shapes as in `bank.Bank.process`."""
        self._reserve(samples.shape[1])
        ecg_kernel.advance_all(
            self._states,
            self._timing,
            samples,
            counts,
            self._filters,
            self._rests,
            self._weights,
            self.trace,
            self._events,
            self._used,
        )

    def drain(self) -> NDArray[np.void]:
        """Return the events since the last drain."""
        parts = []
        for slot in np.flatnonzero(self._used):
            part = self._events[slot, : self._used[slot]].copy()
            part["slot"] = slot
            parts.append(part)
        self._used[:] = 0
        return np.concatenate(parts) if parts else np.zeros(0, EVENT_DTYPE)

    def reset(self, slot: int) -> None:
        """Make ``slot`` as new."""
        self._states[slot] = np.zeros((), ECG_STATE)
        self._used[slot] = 0

    def snapshot(self, slot: int) -> bytes:
        """Return the whole state of ``slot``."""
        return bytes(self._states[slot].tobytes())

    def restore(self, slot: int, state: bytes) -> None:
        """Continue ``slot`` from a snapshot."""
        if len(state) != ECG_STATE.itemsize:
            raise ValueError(
                f"ECG snapshot of {len(state)} bytes, this version writes {ECG_STATE.itemsize}; "
                "start the stream anew instead of restoring it"
            )
        self._states[slot] = np.frombuffer(state, ECG_STATE)[0]
        self._used[slot] = 0

    def grow(self, n_slots: int) -> None:
        """Hold ``n_slots`` streams from now on."""
        more = n_slots - self.n_slots
        self._states = np.concatenate([self._states, np.zeros(more, ECG_STATE)])
        self._used = np.concatenate([self._used, np.zeros(more, np.int64)])
        self.sqi = np.concatenate([self.sqi, np.zeros(more, np.float32)])
        self.reasons = np.concatenate([self.reasons, np.zeros(more, np.uint32)])
        kept = self._events
        self._events = np.zeros((n_slots, kept.shape[1]), EVENT_DTYPE)
        self._events[: self.n_slots] = kept
        self.n_slots = n_slots

    def _reserve(self, n_samples: int) -> None:
        """Make room for every event that ``n_samples`` more can bring."""
        # a beat each refractory period of 0.2 s, a few events each second, a full queue at once
        most = int(self._used.max(initial=0)) + 32 + int(n_samples / self.fs * 12)
        if most > self._events.shape[1]:
            wider = np.zeros((self.n_slots, most), EVENT_DTYPE)
            wider[:, : self._events.shape[1]] = self._events
            self._events = wider
