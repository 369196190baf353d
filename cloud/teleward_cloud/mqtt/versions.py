"""Which protocol a broker speaks: MQTT 5 first, 3.1.1 for those that do not know it."""

from collections.abc import Callable

from teleward_cloud.mqtt.connection import MqttConnection, MqttUnavailable
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion

_UNSUPPORTED = frozenset({0x80, 0x81, 0x82, 0x84})
"""How a broker of MQTT 3.1.1 refuses a CONNECT of version 5, where it answers at all."""


async def connect(
    settings: MqttSettings, make: Callable[[MqttVersion], MqttConnection]
) -> MqttConnection:
    """Connect with the configured version; ``auto`` tries 5 and then 3.1.1.

    Raises `MqttUnavailable` with the reason of the last attempt.
    """
    if settings.version is not MqttVersion.AUTO:
        return await _attempt(make(settings.version))
    try:
        return await _attempt(make(MqttVersion.V5))
    except MqttUnavailable as error:
        code = error.answer.code if error.answer is not None else None
        # brokers of 3.1.1 refuse version 5, close the connection, or never answer
        if not error.closed and code not in _UNSUPPORTED:
            raise
    return await _attempt(make(MqttVersion.V311))


async def _attempt(connection: MqttConnection) -> MqttConnection:
    await connection.connect()
    return connection
