"""A message to publish, and the MQTT 5 properties it is sent with."""

from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MOST_ALIASES = 16
"""Topics that get an alias: those of a gateway's records, live and backlog."""
Done = Callable[[Exception | None], None]
"""Called once on the loop: ``None`` on the PUBACK, else `MqttUnavailable` or `BrokerRefused`."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish; ``done`` gets the answer."""

    topic: str
    payload: bytes
    done: Done
    retain: bool = False
    correlation: bytes | None = None
    alias: bool = False
    expiry_s: int | None = None


class TopicAliases:
    """Topic aliases of one connection: a topic is sent once, then its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def apply(self, message: Outgoing, maximum: int) -> tuple[str, Properties | None]:
        """Return the topic to send, empty once it has an alias, and the properties.

        ``maximum`` is how many aliases the broker keeps.
        """
        topic, alias = message.topic, 0
        if message.alias and maximum:
            alias = self._numbers.get(topic, 0)
            if alias:
                topic = ""
            elif len(self._numbers) < min(MOST_ALIASES, maximum):
                alias = self._numbers[topic] = len(self._numbers) + 1
        if (message.correlation, message.expiry_s, alias) == (None, None, 0):
            return topic, None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if message.correlation is not None:
            properties.CorrelationData = message.correlation
        if message.expiry_s is not None:
            properties.MessageExpiryInterval = message.expiry_s
        if alias:
            properties.TopicAlias = alias
        return topic, properties
