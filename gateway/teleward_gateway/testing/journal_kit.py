"""What tests of the journal append, and how fast they commit it."""

from collections.abc import Callable

from teleward_gateway.journal import Journal, JournalConfig
from teleward_signal.record import Draft, RecordKind

QUICK = JournalConfig(commit_interval_s=0.25, span_s=0.5)
Open = Callable[..., Journal]


def value(n: float, subject: str = "bed", **more: object) -> Draft:
    """Return a draft of one SpO2 reading in %."""
    payload = {"value": n, **more}
    return Draft(RecordKind.MEASUREMENT, subject, "ox", "spo2", payload=payload)
