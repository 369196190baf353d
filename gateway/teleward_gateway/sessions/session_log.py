"""What a session logs: a loss once for each cause, then once an hour, and the return after it."""

import logging
from collections.abc import Hashable

from teleward_drivers.errors import LinkError, LinkUnavailable, Unavailable
from teleward_gateway.process.log_limit import LineLimit, without_numbers
from teleward_gateway.sessions.states import State

log = logging.getLogger(__name__)

_OF_MACHINE = frozenset({Unavailable.NO_ADAPTER, Unavailable.POWERED_OFF})
"""Causes that all devices of a radio share: one line for all of them."""


class SessionLog:
    """The log of one device; ``limit`` is shared by all devices of a gateway."""

    def __init__(self, device: str, limit: LineLimit) -> None:
        self._device, self._limit = device, limit
        self._missed = True

    def moved(self, state: State, reason: str, error: LinkError | None = None) -> None:
        """Log a change of state if it is worth a line: attempts are not."""
        if state is State.STREAMING:
            if self._missed:
                log.info("%s: %s", self._device, state)
            self._missed = False
        elif reason:
            self._ended(state, reason, error)
        else:
            log.debug("%s: %s", self._device, state)

    def _ended(self, state: State, reason: str, error: LinkError | None) -> None:
        cause: Hashable = (self._device, without_numbers(reason))
        if shared := isinstance(error, LinkUnavailable) and error.reason in _OF_MACHINE:
            cause = error.reason
        left_out = self._limit.take(cause)
        if left_out is None:
            return
        more = f"; {left_out} more times since the last line" if left_out else ""
        if shared:
            log.warning("%s%s", reason, more)
        else:
            self._missed = True
            log.info("%s: %s (%s)%s", self._device, state, reason, more)
