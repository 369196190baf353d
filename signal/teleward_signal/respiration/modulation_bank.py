"""Breathing seen in other signals: PPG or ECG in, spectrum of the modulation out, once a second.

`ModulationBank` keeps the slots of ``bank.py`` but makes spectra instead of events: those of a
subject's PPG and ECG are summed by `respiration_fusion.fuse`, whatever their rates or devices.
"""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks import design
from teleward_signal.banks.slot_bank import check_block
from teleward_signal.respiration import modulation_loop
from teleward_signal.respiration.modulation_state import (
    MODULATION_STATE,
    MODULATION_TIMING,
    N_BINS,
    N_RING,
)

RATES = 60.0 * (0.08 + 0.005 * np.arange(N_BINS))
"""Breaths a minute of each bin: 4.8 to 43.2."""
COARSE_HZ = 4.0


class Carrier(Enum):
    """The signal that breathing modulates."""

    PPG = "ppg"
    """Its baseline (0.1 to 0.7 Hz) moves with venous return."""
    ECG = "ecg"
    """The height of R changes as the heart turns under the electrodes."""


class ModulationBank:
    """Breathing in ``n_slots`` streams of ``fs`` Hz (50 to 1000) of one carrier.

    ``spectra``, float64, shape (n_slots, 129), is the share of power at each of `RATES`;
    ``known``, bool, says which of them hold a full 32 s without a gap.
    """

    def __init__(self, fs: float, n_slots: int, carrier: Carrier) -> None:
        if not 50 <= fs <= 1000:
            raise ValueError(f"fs {fs} Hz is outside 50 to 1000 Hz; resample the signal first")
        self.fs = fs
        self.n_slots = 0
        band = (0.1, 0.7) if carrier is Carrier.PPG else (5.0, min(25.0, 0.4 * fs))
        self._sos = design.butterworth_bandpass(2, *band, fs)
        self._rest = design.steady_state(self._sos)
        self._timing = _timing(fs, carrier)
        angle = 2 * np.pi / 60.0 * np.outer(RATES, np.arange(N_RING) / COARSE_HZ)
        self._cosines, self._sines = np.cos(angle), np.sin(angle)
        self._states = np.zeros(0, MODULATION_STATE)
        self.spectra = np.zeros((0, N_BINS))
        self.grow(n_slots)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Return which slots have a spectrum."""
        return np.asarray(self._states["known"] == 1)

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Advance every slot; shapes as in `bank.Bank.process`."""
        check_block(samples, counts, self.n_slots)
        modulation_loop.advance_all(
            self._states,
            self._timing,
            samples,
            counts,
            self._sos,
            self._rest,
            self._cosines,
            self._sines,
            self.spectra,
        )

    def taken(self) -> NDArray[np.int64]:
        """Return how many samples each slot has seen."""
        return np.array(self._states["n"], np.int64)

    def reset(self, slot: int) -> None:
        """Make ``slot`` as new."""
        self._states[slot] = np.zeros((), MODULATION_STATE)

    def snapshot(self, slot: int) -> bytes:
        """Return the whole state of ``slot``; constant in size."""
        return bytes(self._states[slot].tobytes() + self.spectra[slot].tobytes())

    def restore(self, slot: int, state: bytes) -> None:
        """Continue ``slot`` from a snapshot."""
        size = MODULATION_STATE.itemsize
        if len(state) != size + 8 * N_BINS:
            raise ValueError("snapshot of another version; restart the stream")
        self._states[slot] = np.frombuffer(state[:size], MODULATION_STATE)[0]
        self.spectra[slot] = np.frombuffer(state[size:])

    def grow(self, n_slots: int) -> None:
        """Hold ``n_slots`` streams from now on."""
        more = n_slots - self.n_slots
        states = np.zeros(n_slots, MODULATION_STATE)
        states[: self.n_slots] = self._states
        self._states = states
        self.spectra = np.concatenate([self.spectra, np.zeros((more, N_BINS))])
        self.n_slots = n_slots


def _timing(fs: float, carrier: Carrier) -> NDArray[np.void]:
    out = np.zeros(1, MODULATION_TIMING)
    out["second_n"] = round(fs)
    out["coarse_n"] = round(fs / COARSE_HZ)
    # a filter of 0.1 Hz has half forgotten its start after three seconds
    out["settle_n"] = round(3.0 * fs)
    out["bridge_n"] = round(0.5 * fs)
    # no two complexes within 250 ms; one lasts 120 ms
    out["refractory_n"] = round(0.25 * fs)
    out["complex_n"] = round(0.12 * fs)
    # the level of the complexes halves in two seconds without one
    out["decay"] = 0.5 ** (1.0 / (2.0 * fs))
    out["is_ecg"] = carrier is Carrier.ECG
    return out
