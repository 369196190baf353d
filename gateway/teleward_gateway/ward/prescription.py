"""What is prescribed for a subject, read from the registry: the one place where it is kept."""

import logging

from teleward_gateway.registry.model import Subject
from teleward_signal.alarms.limits import AlarmLimits

log = logging.getLogger(__name__)


def limits_of(subject: Subject) -> AlarmLimits:
    """Return the alarm limits kept with a subject; what cannot be read does not stop the ward."""
    try:
        return AlarmLimits.from_dict(subject.attributes.get("limits", {}))
    except (ValueError, TypeError, AttributeError) as error:
        log.error("stored limits of a subject are invalid, the defaults apply: %s", error)
        return AlarmLimits()
