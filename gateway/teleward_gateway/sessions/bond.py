"""When a device has forgotten its bond: notice it, and pair again, but not indefinitely.

A device that was reset or given new batteries no longer knows our keys. Some radios say so
(PIN or Key Missing, Core specification error 0x06); BlueZ often only drops the link as soon as
something protected is read. Pairing again without a question could also welcome an impostor with
the same address, so it happens at most once an hour, and never with ``repair_bond = false``.
"""

import time
from dataclasses import dataclass

from teleward_drivers.errors import BondLost, LinkError, LinkLost, OperationRefused
from teleward_gateway.sessions.states import State

SUSPICIONS = 3
"""One link may drop while it is being set up, and two; three in a row are the keys."""

AGAIN_S = 3600.0
"""A device that forgets its bond twice in an hour is broken, or is not the device."""


@dataclass(slots=True)
class BondPolicy:
    """The judgement of one session; ``allowed`` is the device's option ``repair_bond``."""

    allowed: bool = True
    suspicions: int = 0
    repaired_s: float | None = None

    def is_lost(self, error: LinkError, state: State, bonded: bool) -> bool:
        """Return whether ``error``, met in ``state``, means that the device forgot its bond."""
        if isinstance(error, BondLost):
            return True
        if state is not State.DISCOVERING or not bonded:
            self.suspicions = 0
            return False
        if isinstance(error, (LinkLost, OperationRefused)):
            self.suspicions += 1
        return self.suspicions >= SUSPICIONS

    def may_repair(self, now_s: float | None = None) -> bool:
        """Return whether to pair again without a person, and note it."""
        now_s = time.monotonic() if now_s is None else now_s
        if not self.allowed or (self.repaired_s is not None and now_s - self.repaired_s < AGAIN_S):
            return False
        self.repaired_s, self.suspicions = now_s, 0
        return True
