"""`DerivedBreathing`: PPG and ECG of any subject in, respiratory rates out.

For subjects without an impedance or belt stream. Streams of one carrier and rate share a bank, so a
tick costs one compiled call each, however many subjects there are.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from teleward_signal.model import Measurement, Source
from teleward_signal.respiration.fusion import QUALITY_FLOOR, fuse
from teleward_signal.respiration.modulation_bank import Carrier, ModulationBank

CARRIERS = {
    "pleth": Carrier.PPG,
    "ppg_infrared": Carrier.PPG,
    "ecg_ii": Carrier.ECG,
    "ecg_i": Carrier.ECG,
    "ecg_iii": Carrier.ECG,
}
DIRECT = "respiration"
DIRECT_S = 10.0
"""A stream that measures breathing itself silences the derived rate for this long."""
SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class _Group:
    """One bank and who sits where."""

    bank: ModulationBank
    slots: dict[tuple[str, str], int] = field(default_factory=dict)
    pending: dict[tuple[str, str], list[NDArray[np.float32]]] = field(default_factory=dict)


class DerivedBreathing:
    """Respiratory rate from PPG and ECG; no clock, no I/O."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._groups: dict[tuple[Carrier, float], _Group] = {}
        self._direct_ns: dict[str, int] = {}
        self._published_s = 0

    def push(
        self,
        subject: str,
        metric: str,
        fs: float,
        samples: NDArray[np.float32],
        now_ns: int,
        gap_samples: int = 0,
    ) -> None:
        """Continue a waveform (NaN = lost); ``gap_samples`` were lost before it."""
        if metric == DIRECT:
            self._direct_ns[subject] = now_ns
        carrier = CARRIERS.get(metric)
        if carrier is None or not 50 <= fs <= 1000:
            return
        group = self._groups.get((carrier, fs))
        if group is None:
            group = self._groups[carrier, fs] = _Group(ModulationBank(fs, 1, carrier))
        key = (subject, metric)
        if key not in group.slots:
            group.slots[key] = self._free_slot(group)
        blocks = group.pending.setdefault(key, [])
        if gap_samples:
            # a gap of a second already empties the window
            blocks.append(np.full(min(gap_samples, round(fs)), np.nan, np.float32))
        blocks.append(np.asarray(samples, np.float32))

    def tick(self, now_ns: int) -> list[tuple[str, Measurement]]:
        """Analyse what was pushed; once a second return (subject, respiratory rate)."""
        for group in self._groups.values():
            self._advance(group)
        if now_ns // SECOND_NS == self._published_s:
            return []
        self._published_s = now_ns // SECOND_NS
        spectra: dict[str, dict[Carrier, NDArray[np.float64]]] = {}
        for (carrier, _), group in self._groups.items():
            known = group.bank.known
            for (subject, _metric), slot in group.slots.items():
                found = spectra.setdefault(subject, {})
                if known[slot]:
                    found.setdefault(carrier, group.bank.spectra[slot])
        return [
            (subject, _measurement(list(found.values()), now_ns))
            for subject, found in spectra.items()
            if now_ns - self._direct_ns.get(subject, -(1 << 62)) > DIRECT_S * SECOND_NS
        ]

    def forget(self, subject: str) -> None:
        """Drop a subject who left."""
        self._direct_ns.pop(subject, None)
        for group in self._groups.values():
            for key in [key for key in group.slots if key[0] == subject]:
                group.bank.reset(group.slots.pop(key))
                group.pending.pop(key, None)

    @staticmethod
    def _free_slot(group: _Group) -> int:
        taken = set(group.slots.values())
        for slot in range(group.bank.n_slots):
            if slot not in taken:
                return slot
        group.bank.grow(2 * group.bank.n_slots)
        return len(taken)

    @staticmethod
    def _advance(group: _Group) -> None:
        joined = {group.slots[key]: np.concatenate(b) for key, b in group.pending.items() if b}
        group.pending.clear()
        if not joined:
            return
        counts = np.zeros(group.bank.n_slots, np.int32)
        samples = np.zeros(
            (group.bank.n_slots, max(len(row) for row in joined.values())), np.float32
        )
        for slot, row in joined.items():
            counts[slot] = len(row)
            samples[slot, : len(row)] = row
        group.bank.process(samples, counts)


def _measurement(spectra: list[NDArray[np.float64]], now_ns: int) -> Measurement:
    """Return the fused rate, withheld while it settles or where the carriers do not show one."""
    detail = {"method": "modulation", "carriers": len(spectra)}
    value: float | None = None
    reason: str | None = "settling"
    quality = 0.0
    if spectra:
        derived = fuse(spectra)
        quality, reason = derived.quality, "not_found"
        if quality >= QUALITY_FLOOR:
            value, reason = round(derived.rate, 1), None
    return Measurement(
        "respiratory_rate", value, reason, quality, Source.DERIVED, now_ns, detail=detail
    )
