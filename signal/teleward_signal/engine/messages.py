"""From the events of banks to the messages of the gateway."""

import math
from typing import Any

import numpy as np

from teleward_signal.banks.bank import EventKind, Reason
from teleward_signal.ecg.rhythm_codes import Rhythm
from teleward_signal.model import Annotation, Measurement, Source

NUMERICS = {
    EventKind.HEART_RATE: "heart_rate",
    EventKind.PULSE_RATE: "pulse_rate",
    EventKind.PERFUSION_INDEX: "perfusion_index",
    EventKind.RESPIRATORY_RATE: "respiratory_rate",
}


RHYTHMS = {
    Rhythm.PAUSE: ("pause", "seconds"),
    Rhythm.ASYSTOLE: ("asystole", "seconds"),
    Rhythm.BRADYCARDIA: ("bradycardia", "per_min"),
    Rhythm.TACHYCARDIA: ("narrow tachycardia", "per_min"),
    Rhythm.WIDE_TACHYCARDIA: ("wide tachycardia", "per_min"),
    Rhythm.VENTRICULAR_RUN: ("ventricular run", "beats"),
    Rhythm.VENTRICULAR_TACHYCARDIA: ("ventricular tachycardia", "per_min"),
    Rhythm.VENTRICULAR_FIBRILLATION: ("ventricular fibrillation", "leakage"),
    Rhythm.BIGEMINY: ("bigeminy", "beats"),
    Rhythm.TRIGEMINY: ("trigeminy", "beats"),
    Rhythm.ATRIAL_FIBRILLATION: ("atrial fibrillation", "probability"),
}
"""Label of a rhythm and what its evidence is called."""
STRIP_BEFORE_NS = 6_000_000_000
STRIP_AFTER_NS = 4_000_000_000
"""The strip to show with a rhythm event lies in the recorded waveform, 10 s around its onset."""


def message_of(
    event: np.void, metric: str, time_ns: int, floor: float, onsets: dict[str, int]
) -> Measurement | Annotation | None:
    """Return the message of one event of a stream of ``metric``, ``None`` if it is internal.

    ``onsets`` remembers when the rhythms that are on began, by label.
    """
    kind = EventKind(int(event["kind"]))
    if kind in NUMERICS:
        return _numeric(NUMERICS[kind], event, time_ns, floor)
    if kind is EventKind.BEAT:
        value = float(event["value"])
        evidence = {} if math.isnan(value) else {"rr_s": round(value, 4)}
        return Annotation(metric, chr(int(event["symbol"])), time_ns, evidence=evidence)
    begins = kind in (EventKind.RHYTHM_ON, EventKind.APNOEA_ON)
    if begins or kind in (EventKind.RHYTHM_OFF, EventKind.APNOEA_OFF):
        return _rhythm(event, metric, time_ns, begins, onsets)
    return None


def _rhythm(
    event: np.void, metric: str, time_ns: int, begins: bool, onsets: dict[str, int]
) -> Annotation:
    """Return the mark of a rhythm that begins, or of the whole of one that ends."""
    code = int(event["symbol"])
    apnoea = int(event["kind"]) in (EventKind.APNOEA_ON, EventKind.APNOEA_OFF)
    label, unit = ("apnoea", "seconds") if apnoea else RHYTHMS[Rhythm(code)]
    evidence: dict[str, Any] = {
        unit: round(float(event["value"]), 3),
        "quality": round(float(event["sqi"]), 2),
    }
    if begins:
        onsets[label] = time_ns
        evidence |= {"strip_ns": [time_ns - STRIP_BEFORE_NS, time_ns + STRIP_AFTER_NS]}
        return Annotation(metric, "+", time_ns, label=f"{label} begins", evidence=evidence)
    onset = onsets.pop(label, time_ns)
    return Annotation(metric, "+", onset, time_ns, f"{label} ends", evidence)


def _numeric(name: str, event: np.void, time_ns: int, floor: float) -> Measurement:
    """Return a numeric, withheld below the quality floor."""
    value, quality = float(event["value"]), float(event["sqi"])
    reasons = Reason(int(event["reasons"])).names()
    if math.isnan(value) or quality < floor:
        reason = reasons[0] if reasons else "not_found"
        return Measurement(
            name, None, reason, quality, Source.DERIVED, time_ns, detail={"reasons": reasons}
        )
    return Measurement(name, value, None, quality, Source.DERIVED, time_ns, valid_s=5.0)
