"""What a gateway logs about its broker: each change once, and no more than one line a minute."""

import logging
import time
from collections.abc import Callable

from teleward_cloud.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

_TAKEN = "; if this goes on, another client has its id: give each gateway its own gateway.name"
_BURST = 4
"""Lines at once: a start or an outage has a few, each worth reading."""
_LINE_S = 60.0
"""Seconds for one more line, so that a broker that comes and goes fills no disk."""


class ConnectionLog:
    """Logs the changes of one connection; a state that repeats is logged once."""

    def __init__(self, settings: MqttSettings, now_s: Callable[[], float] = time.monotonic) -> None:
        self._name = "{}:{}".format(*settings.address)
        self._last = ""
        self._now_s = now_s
        self._lines, self._at_s = float(_BURST), now_s()
        self._withheld = 0

    def connected(self) -> None:
        """Log that the gateway is connected."""
        self._log(logging.INFO, "connected")

    def problem(self, what: str) -> None:
        """Log what is wrong."""
        self._log(logging.WARNING, what)

    def _log(self, level: int, state: str) -> None:
        if state == self._last:
            return
        now_s = self._now_s()
        self._lines = min(float(_BURST), self._lines + (now_s - self._at_s) / _LINE_S)
        self._at_s = now_s
        if self._lines < 1.0:
            self._withheld += 1
            return
        self._lines -= 1.0
        more = f" (after {self._withheld} changes in between)" if self._withheld else ""
        self._withheld = 0
        log.log(level, "MQTT broker %s: %s%s", self._name, state, more)
        self._last = state


def lost(reason: str, *, soon: bool) -> str:
    """Return the log text for a connection that ended, with the likely cause if it did ``soon``.

    mosquitto 2.0.11 closes the older of two clients of one id without a word.
    """
    unexplained = soon and reason == "closed by the broker"
    return f"connection lost: {reason}{_TAKEN if unexplained else ''}"
