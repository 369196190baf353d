"""Alarms, marks and device states into journal drafts: the keys of their payloads.

Measurements and waveforms: `teleward_gateway.journal.drafts`.
"""

from typing import Any

from teleward_signal.model import AlarmEvent, Annotation, DeviceStatus
from teleward_signal.record import Draft, RecordKind


def alarm_draft(event: AlarmEvent, device: str | None = None) -> Draft:
    """Keep a change of an alarm condition."""
    payload = _without_empty(
        value=event.value, limit=event.limit, author=event.author, text=event.text
    )
    payload["condition"] = event.condition
    payload["kind"] = event.kind.value
    payload["priority"] = event.priority.value
    payload["presence"] = event.presence.value
    return Draft(
        RecordKind.ALARM,
        subject=event.subject,
        device=device,
        metric=event.metric,
        time_ns=event.time_ns,
        payload=payload,
    )


def annotation_draft(subject: str, annotation: Annotation) -> Draft:
    """Keep a mark on a waveform."""
    payload = _without_empty(
        label=annotation.label, until_ns=annotation.until_ns, evidence=annotation.evidence
    )
    payload["symbol"] = annotation.symbol
    return Draft(
        RecordKind.ANNOTATION,
        subject=subject,
        metric=annotation.metric,
        time_ns=annotation.time_ns,
        payload=payload,
    )


def status_draft(
    subject: str | None, device: str, status: DeviceStatus, state: str | None = None
) -> Draft:
    """Record what a device reports of itself."""
    payload = _without_empty(
        battery_percent=status.battery_percent,
        faults=sorted(status.faults),
        identity=status.identity,
        state=state,
    )
    return Draft(
        RecordKind.DEVICE, subject=subject, device=device, time_ns=status.time_ns, payload=payload
    )


def audit_draft(action: str, author: str, subject: str | None = None, **detail: Any) -> Draft:
    """Keep who did what."""
    return Draft(
        RecordKind.AUDIT, subject=subject, payload={"action": action, "author": author, **detail}
    )


def _without_empty(**values: Any) -> dict[str, Any]:
    """Leave out what is not stated; zero is a value."""
    return {key: value for key, value in values.items() if _is_stated(value)}


def _is_stated(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return True
    return bool(value)
