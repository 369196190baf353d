"""The wait before the next attempt: exponential with jitter, forgiven after a steady link."""

import random
from dataclasses import dataclass, field

from teleward_drivers.ble_errors import NEEDS_BOND
from teleward_drivers.errors import (
    BondLost,
    DeviceNotFound,
    LinkError,
    LinkUnavailable,
    OperationRefused,
    Unavailable,
)

FIRST_S = 0.5
"""A link lost by interference is back in one advertising interval; half a second costs no data
that was not lost already."""

LONGEST_S = 30.0
"""A silent link is found in its silence time, and must be back within 120 s in all."""

MISSING_S = 2.0
"""A device out of reach is waited for, not hammered: the search itself is the wait."""

REFUSED_S = 60.0
"""What a person must correct is tried again once a minute, so that correcting it is enough."""

STEADY_S = 30.0
"""A link that held so long was good: the next loss starts from `FIRST_S` again."""

NEEDS_PERSON = frozenset({Unavailable.NO_PERMISSION, Unavailable.UNSUPPORTED})
"""The other reasons (no adapter, powered off, port in use) pass by themselves."""


@dataclass(slots=True)
class Backoff:
    """Attempts of one device; ``rng`` is seeded by tests."""

    rng: random.Random = field(default_factory=random.Random)
    attempts: int = 0

    def delay_s(self, error: LinkError | None) -> float:
        """Return the wait after ``error`` and count the attempt."""
        if isinstance(error, DeviceNotFound):
            return MISSING_S * self.rng.uniform(0.5, 1.0)
        if needs_person(error):
            return REFUSED_S
        longest_s = min(LONGEST_S, FIRST_S * 2.0 ** min(self.attempts, 16))
        self.attempts += 1
        return longest_s * self.rng.uniform(0.5, 1.0)

    def held(self, duration_s: float) -> None:
        """Note how long the last link was good."""
        if duration_s >= STEADY_S:
            self.attempts = 0


def needs_person(error: LinkError | None) -> bool:
    """Return whether waiting alone cannot cure ``error``."""
    if isinstance(error, BondLost):
        return True
    if isinstance(error, OperationRefused):  # no such characteristic, or pairing did not help
        return error.code is None or error.code in NEEDS_BOND
    return isinstance(error, LinkUnavailable) and error.reason in NEEDS_PERSON
