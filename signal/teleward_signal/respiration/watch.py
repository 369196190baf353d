"""`DerivedBreathing`: PPG and ECG of any subject in, respiratory rates out.

For subjects without an impedance or belt stream. Streams of one carrier and rate share a bank, so a
tick costs one compiled call each, however many subjects there are.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from teleward_signal.banks.containment import process_each
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
SILENT_S = 5.0
"""A carrier that brought nothing for so long is left out: the rate is withheld."""
FORGET_S = 30.0
"""After so long its window is worthless: the carrier begins again."""
SECOND_NS = 1_000_000_000

Key = tuple[str, str]


@dataclass(slots=True)
class _Group:
    """One bank and who sits where."""

    bank: ModulationBank
    slots: dict[Key, int] = field(default_factory=dict)
    pending: dict[Key, list[NDArray[np.float32]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Subject:
    """When each carrier last advanced by the caller's clock, and the newest second reported."""

    seen_ns: dict[str, int] = field(default_factory=dict)
    end_ns: int = 0
    reported_s: int = 0
    is_withheld: bool = True
    direct_ns: int = -(1 << 62)


class DerivedBreathing:
    """Respiratory rate from PPG and ECG; no clock, no I/O.

    A rate is reported for a second in which a carrier advanced, stamped with the wave's own time,
    and for no other.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._groups: dict[tuple[Carrier, float], _Group] = {}
        self._subjects: dict[str, _Subject] = {}
        self._pushed: dict[Key, int] = {}
        self._failed: dict[Key, Exception] = {}

    def push(
        self,
        subject: str,
        metric: str,
        fs: float,
        samples: NDArray[np.float32],
        time_ns: int,
        gap_samples: int = 0,
    ) -> None:
        """Continue a waveform (NaN = lost), its first sample taken at UTC ``time_ns``.

        ``gap_samples`` were lost before it.
        """
        carrier = CARRIERS.get(metric)
        if metric == DIRECT or (carrier is not None and 50 <= fs <= 1000):
            self._subjects.setdefault(subject, _Subject())
            self._pushed[subject, metric] = time_ns + round(len(samples) / fs * SECOND_NS)
        if carrier is None or not 50 <= fs <= 1000:
            return
        group = self._groups.get((carrier, fs))
        if group is None:
            for rate in [key for key, kept in self._groups.items() if not kept.slots]:
                del self._groups[rate]  # a device that changes its rate fills no memory
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
        """Analyse what was pushed; return (subject, respiratory rate) for each second of wave.

        ``now_ns`` counts elapsed time (monotonic): it decides which carriers are silent.
        """
        for group in list(self._groups.values()):
            self._failed.update(self._advance(group))
        for key in self._failed:
            self.release(*key)
        for (subject, metric), end_ns in self._pushed.items():
            person = self._subjects[subject]
            if metric == DIRECT:
                person.direct_ns = now_ns
            else:
                person.seen_ns[metric] = now_ns
                person.end_ns = end_ns
        self._pushed.clear()
        out = []
        for subject, person in list(self._subjects.items()):
            try:
                found = self._report(subject, person, now_ns)
            except Exception as error:
                self._failed.update(dict.fromkeys([(subject, m) for m in person.seen_ns], error))
                self.forget(subject)
                continue
            if found is not None:
                out.append((subject, found))
        return out

    def take_failed(self) -> dict[Key, Exception]:
        """Return the carriers, (subject, metric), whose analysis raised since the last call."""
        failed, self._failed = self._failed, {}
        return failed

    def release(self, subject: str, metric: str) -> None:
        """Drop one carrier: its sensor was taken off."""
        person = self._subjects.get(subject)
        if person is not None:
            person.seen_ns.pop(metric, None)
            if metric == DIRECT:
                person.direct_ns = -(1 << 62)
        self._pushed.pop((subject, metric), None)
        for group in self._groups.values():
            if (subject, metric) in group.slots:
                group.bank.reset(group.slots.pop((subject, metric)))
                group.pending.pop((subject, metric), None)

    def forget(self, subject: str) -> None:
        """Drop a subject who left."""
        for metric in (DIRECT, *CARRIERS):
            self.release(subject, metric)
        self._subjects.pop(subject, None)

    def _report(self, subject: str, person: _Subject, now_ns: int) -> Measurement | None:
        for metric, seen_ns in list(person.seen_ns.items()):
            if now_ns - seen_ns >= FORGET_S * SECOND_NS:
                self.release(subject, metric)
        silent_ns = SILENT_S * SECOND_NS
        fresh = {m for m, seen_ns in person.seen_ns.items() if now_ns - seen_ns < silent_ns}
        is_direct = now_ns - person.direct_ns <= DIRECT_S * SECOND_NS
        if is_direct or not fresh:
            was_withheld, person.is_withheld = person.is_withheld, True
            if was_withheld or is_direct:
                return None
            return Measurement(
                "respiratory_rate", None, "no_data", 0.0, Source.DERIVED, person.end_ns
            )
        second = (person.end_ns - 1) // SECOND_NS
        if second == person.reported_s or now_ns not in person.seen_ns.values():
            return None
        person.reported_s, person.is_withheld = second, False
        return _measurement(self._spectra(subject, fresh), person.end_ns)

    def _spectra(self, subject: str, metrics: set[str]) -> list[NDArray[np.float64]]:
        """Return one spectrum a carrier, of the subject's streams that advance."""
        found: dict[Carrier, NDArray[np.float64]] = {}
        for (carrier, _), group in self._groups.items():
            known = group.bank.known
            for metric in metrics:
                slot = group.slots.get((subject, metric))
                if slot is not None and known[slot]:
                    found.setdefault(carrier, group.bank.spectra[slot])
        return list(found.values())

    @staticmethod
    def _free_slot(group: _Group) -> int:
        taken = set(group.slots.values())
        for slot in range(group.bank.n_slots):
            if slot not in taken:
                return slot
        group.bank.grow(2 * group.bank.n_slots)
        return len(taken)

    @staticmethod
    def _advance(group: _Group) -> dict[Key, Exception]:
        joined = {group.slots[key]: np.concatenate(b) for key, b in group.pending.items() if b}
        group.pending.clear()
        if not joined:
            return {}
        counts = np.zeros(group.bank.n_slots, np.int32)
        samples = np.zeros(
            (group.bank.n_slots, max(len(row) for row in joined.values())), np.float32
        )
        for slot, row in joined.items():
            counts[slot] = len(row)
            samples[slot, : len(row)] = row
        failed = process_each(group.bank.process, group.bank.taken, counts, samples)
        return {key: failed[slot] for key, slot in group.slots.items() if slot in failed}


def _measurement(spectra: list[NDArray[np.float64]], time_ns: int) -> Measurement:
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
        "respiratory_rate", value, reason, quality, Source.DERIVED, time_ns, detail=detail
    )
