"""From the events of banks to the messages of the gateway."""

import math

import numpy as np

from teleward_signal.bank import EventKind, Reason
from teleward_signal.model import Annotation, Measurement, Source

NUMERICS = {
    EventKind.HEART_RATE: "heart_rate",
    EventKind.PULSE_RATE: "pulse_rate",
    EventKind.PERFUSION_INDEX: "perfusion_index",
    EventKind.RESPIRATORY_RATE: "respiratory_rate",
}


def message_of(
    event: np.void, metric: str, time_ns: int, floor: float
) -> Measurement | Annotation | None:
    """Return what one event of a stream of ``metric`` says, ``None`` if it is of inner use."""
    kind = EventKind(int(event["kind"]))
    if kind in NUMERICS:
        return _numeric(NUMERICS[kind], event, time_ns, floor)
    if kind is EventKind.BEAT:
        value = float(event["value"])
        evidence = {} if math.isnan(value) else {"rr_s": round(value, 4)}
        return Annotation(metric, chr(int(event["symbol"])), time_ns, evidence=evidence)
    if kind in (EventKind.APNOEA_ON, EventKind.APNOEA_OFF):
        label = "apnoea begins" if kind is EventKind.APNOEA_ON else "apnoea ends"
        return Annotation(
            metric, "+", time_ns, label=label, evidence={"seconds": float(event["value"])}
        )
    return None


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
