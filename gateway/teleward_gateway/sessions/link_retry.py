"""The wait before the next attempt: exponential with jitter, forgiven after a steady link."""

import random

from teleward_drivers.ble_errors import NEEDS_BOND
from teleward_drivers.errors import (
    BondLost,
    DeviceNotFound,
    LinkError,
    LinkUnavailable,
    OperationRefused,
    Unavailable,
)
from teleward_gateway.process.backoff import Backoff

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


class LinkRetry:
    """Attempts of one device; ``rng`` is seeded by tests."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._backoff = Backoff(FIRST_S, LONGEST_S, STEADY_S, self._rng)
        self.held = self._backoff.held

    @property
    def attempts(self) -> int:
        """Return the failures since a steady link."""
        return self._backoff.failures

    def delay_s(self, error: LinkError | None) -> float:
        """Return the wait after ``error`` and count the attempt."""
        if isinstance(error, DeviceNotFound):
            return MISSING_S * self._rng.uniform(0.5, 1.0)
        if needs_person(error):
            return REFUSED_S
        return self._backoff.failed()


def needs_person(error: LinkError | None) -> bool:
    """Return whether waiting alone cannot cure ``error``."""
    if isinstance(error, BondLost):
        return True
    if isinstance(error, OperationRefused):  # no such characteristic, or pairing did not help
        return error.code is None or error.code in NEEDS_BOND
    return isinstance(error, LinkUnavailable) and error.reason in NEEDS_PERSON
