"""What is prescribed for a subject, read from the registry: the one place where it is kept."""

import logging

from teleward_gateway.registry.model import Subject
from teleward_signal.age_profile import ADULT, AgeProfile, profile_of, years_of
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Invalid

log = logging.getLogger(__name__)


def limits_of(subject: Subject) -> AlarmLimits:
    """Return the alarm limits kept with a subject, over those of its age.

    What cannot be read does not stop the ward.
    """
    usual = age_profile_of(subject).metrics
    try:
        return AlarmLimits.from_dict(subject.attributes.get("limits", {}), usual)
    except (ValueError, TypeError, AttributeError) as error:
        log.error("stored limits of a subject are invalid, the defaults apply: %s", error)
        return AlarmLimits(usual)


def age_of(subject: Subject) -> float | None:
    """Return the age kept with a subject in years, None without a valid one."""
    try:
        return years_of(subject.attributes.get("age"))
    except Invalid:
        return None


def age_profile_of(subject: Subject) -> AgeProfile:
    """Return the profile of the age kept with a subject; that of an adult without one."""
    try:
        return profile_of(subject.attributes.get("age"))
    except Invalid as error:
        log.error("the stored age of a subject is invalid, it counts as an adult: %s", error)
        return ADULT
