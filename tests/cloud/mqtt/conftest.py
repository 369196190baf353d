"""A sink at a real mosquitto."""

from collections.abc import AsyncIterator

import pytest

from teleward_cloud.mqtt.settings import Bundle, MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance


@pytest.fixture
def settings(mosquitto: Mosquitto) -> MqttSettings:
    return MqttSettings(port=mosquitto.port, keepalive_s=5, ack_timeout_s=3, bundle=Bundle.SUBJECT)


@pytest.fixture
async def sink(settings: MqttSettings) -> AsyncIterator[MqttSink]:
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    yield sink
    await sink.close()
