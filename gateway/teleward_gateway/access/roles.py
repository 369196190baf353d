"""Roles: what a person is to this gateway."""

from enum import StrEnum

from teleward_signal.model import Provenance


class Role(StrEnum):
    """What a person, or a thing with a secret of its own, is to this gateway."""

    OPERATOR = "operator"
    """Runs the gateway: accounts, sinks, devices, and all that others may do."""
    CLINICIAN = "clinician"
    """Cares for patients: alarms, limits, observations, admission, devices."""
    TEACHER = "teacher"
    """Leads classes on a simulated ward, and acts there as a clinician does."""
    LEARNER = "learner"
    """Sits in a class by its code; needs no account."""
    OBSERVER = "observer"
    """Sees the ward and changes nothing."""
    GUEST_EXPERT = "guest-expert"
    """Is asked for advice for some days: sees the ward and enters observations."""
    KIOSK = "kiosk"
    """A screen on the wall with a link: one bed or the ward, read-only."""
    METRICS = "metrics"
    """A Prometheus server with a token."""
    NOBODY = "nobody"
    """Who has not logged in."""


OF_ACCOUNTS = (
    Role.OPERATOR, Role.CLINICIAN, Role.TEACHER, Role.OBSERVER, Role.GUEST_EXPERT,
)  # fmt: skip
"""Roles that an account can have."""
SIMULATED_ONLY = frozenset({Role.TEACHER, Role.LEARNER})
"""Roles that do not exist where real patients are."""
GUEST_DAYS = 7
"""Days of a guest expert's account, unless more or fewer are given."""


def exists(role: Role, mode: Provenance) -> bool:
    """Return whether ``role`` exists on a gateway of this mode."""
    return mode is Provenance.SIMULATED or role not in SIMULATED_ONLY
