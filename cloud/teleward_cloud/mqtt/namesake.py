"""Detection of a second gateway that publishes under the same name at the same broker.

Each gateway reads its own retained status. The status carries a random id of the process and the
number of its connection, which a cloned memory card does not share:

    live, online, of another process            both are connected, with different client ids
    retained, of another process, and again     both have one client id and take it from each
    with a higher connection number             other: the broker ends one of the two

The last process of this gateway left a status too, once and for all, which is no evidence.
"""

import json
import secrets
import time

_HOLD_S = 180.0
"""How long after the last sign of it another gateway counts as there."""
_ANSWER_EVERY_S = 60.0
"""How often the status is published again while another gateway is there."""
_MOST = 64
"""Processes that are remembered."""


class Namesake:
    """The other gateway of this name at the broker, if there is one."""

    def __init__(self, gateway: str) -> None:
        self.instance = secrets.token_hex(8)
        self._gateway = gateway
        self._seen: dict[str, int] = {}
        self._until_s = 0.0
        self._answer_s: float | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong and what to do, ``None`` without another gateway of this name."""
        if time.monotonic() >= self._until_s:
            return None
        return (
            f"another gateway is named {self._gateway} at this broker: their records mix; "
            "set another gateway.name on one of them"
        )

    def received(self, message: bytes, *, retained: bool) -> bool:
        """Take a status under the gateway's own name; return whether the problem is new."""
        try:
            status = json.loads(message)
            instance, connection = str(status["instance"]), int(status["connection"])
            online, ended = status["state"] == "online", status["time"] is not None
        except (ValueError, KeyError, TypeError, RecursionError):
            return False  # removed, or of a version that has no instance
        if instance == self.instance:
            return False
        known = self.problem is not None
        if ended and not online and not retained:
            self._until_s = 0.0  # stopped in order
        elif (online and not retained) or connection > self._seen.get(instance, connection):
            self._until_s = time.monotonic() + _HOLD_S
            if not known:
                self._answer_s = time.monotonic()
        if len(self._seen) >= _MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[instance] = max(connection, self._seen.pop(instance, 0))
        return not known and self.problem is not None

    def answer_due(self) -> bool:
        """Return whether to publish the status again, so that the other one notices too."""
        now_s = time.monotonic()
        if self.problem is None or self._answer_s is None or now_s < self._answer_s:
            return False
        self._answer_s = now_s + _ANSWER_EVERY_S
        return True
