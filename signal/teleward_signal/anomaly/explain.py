"""From changes to a sentence a person can check against the trend."""

from collections.abc import Sequence

from teleward_signal.anomaly.bank import AnomalyBank, Change
from teleward_signal.model import Measurement, Source
from teleward_signal.vocabulary import METRICS

SILENT_S = 30.0
"""As long as a score is valid: a patient without a newer value gets none."""
SPOKEN = 0.05
"""A change that makes less than this share of the score is left out."""


def sentence(changes: Sequence[Change]) -> str:
    """Return what has changed, the main change first; empty for none.

    Example: "SpO₂ 4 below this patient's usual 97 for 6 min while RR rose 5".
    """
    if not changes:
        return ""
    first, *others = changes
    metric = METRICS[first.metric]
    side = "above" if first.by > 0 else "below"
    amount = f"{abs(first.by):.{metric.decimals}f}"
    usual = f"{first.usual:.{metric.decimals}f}"
    text = f"{metric.label} {amount} {side} this patient's usual {usual} for {_span(first.for_s)}"
    also = [_moved(change) for change in others if change.share >= SPOKEN]
    return f"{text} while {' and '.join(also)}" if also else text


def as_measurement(bank: AnomalyBank, slot: int, time_ns: int) -> Measurement:
    """Return the score of ``slot`` with its sentence and the changes behind it."""
    score = float(bank.scores[slot])
    reason = "learning" if score != score else None
    if bank.silent_s(slot) > SILENT_S:
        reason = "no_data"
    if reason is not None:
        return Measurement(
            "anomaly", None, reason, source=Source.DERIVED, time_ns=time_ns, valid_s=30.0
        )
    changes = bank.changes(slot)
    detail = {
        "sentence": sentence(changes),
        "changes": [
            {"metric": c.metric, "by": round(c.by, 2), "usual": round(c.usual, 2),
             "for_s": round(c.for_s), "share": round(c.share, 2)}
            for c in changes
        ],
    }  # fmt: skip
    return Measurement(
        "anomaly",
        round(score, 1),
        source=Source.DERIVED,
        time_ns=time_ns,
        valid_s=30.0,
        detail=detail,
    )


def _moved(change: Change) -> str:
    metric = METRICS[change.metric]
    verb = "rose" if change.by > 0 else "fell"
    return f"{metric.label} {verb} {abs(change.by):.{metric.decimals}f}"


def _span(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"
