"""Connection log of one broker: each change is logged once."""

import logging

from teleward_cloud.mqtt.settings import MqttSettings

log = logging.getLogger(__name__)

_TAKEN = "; if this goes on, another client has its id: give each gateway its own gateway.name"


class ConnectionLog:
    """Logs connection changes of one broker; a repeated problem is not logged again."""

    def __init__(self, settings: MqttSettings) -> None:
        self._name = "{}:{}".format(*settings.address)
        self._logged = ""

    def connected(self) -> None:
        """Log that the gateway is connected."""
        self._log_change(logging.INFO, "connected")

    def problem(self, what: str) -> None:
        """Log a problem."""
        self._log_change(logging.WARNING, what)

    def _log_change(self, level: int, text: str) -> None:
        if text != self._logged:
            log.log(level, "MQTT broker %s: %s", self._name, text)
            self._logged = text


def lost(reason: str, *, soon: bool) -> str:
    """Return the log text for a connection that ended; ``soon`` adds the likely cause.

    mosquitto 2.0.11 closes the older of two clients of one id without a word.
    """
    cause = "closed by the broker" if reason == "Unspecified error" else reason
    return f"connection lost: {cause}{_TAKEN if soon else ''}"
