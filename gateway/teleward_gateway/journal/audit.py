"""The audit: who did what, kept in the journal like every other record."""

import logging
from collections.abc import Callable
from typing import Any

from teleward_gateway.journal.event_drafts import audit_draft
from teleward_signal.record import Draft, Record

_log = logging.getLogger(__name__)


class Audit:
    """Writes to the audit; ``append`` is the journal's."""

    def __init__(self, append: Callable[[Draft], object]) -> None:
        self._append = append

    def note(self, action: str, author: str, subject: str | None = None, **detail: Any) -> None:
        """Keep that ``author`` did ``action``; details are plain JSON values."""
        self._append(audit_draft(action, author, subject, **detail))
        _log.info("audit: %s", action, extra={"action": action})

    def of_alarm(self, action: str, record: Record, detail: dict[str, Any]) -> None:
        """Keep what happened to an alarm; fits `teleward_cloud.alarms.sinks.Audit`."""
        found = dict(detail)
        author = str(found.pop("author", None) or "gateway")
        alarm = {
            "condition": record.payload.get("condition"),
            "priority": record.payload.get("priority"),
            "alarm_seq": record.id.seq,
            "alarm_part": record.id.part,
        }
        self.note(action, author, record.subject, **(alarm | found))
