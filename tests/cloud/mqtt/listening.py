"""A client that keeps what it hears, and records of devices for it to hear."""

import json
from collections.abc import Callable
from typing import Any

from teleward_cloud.mqtt.connection import Incoming, MqttConnection
from teleward_cloud.mqtt.settings import MqttSettings, MqttVersion
from teleward_signal.record import Record, RecordKind

Make = Callable[..., Record]
Wait = Callable[..., Any]


class Listener:
    """A client that keeps what it hears."""

    def __init__(self, settings: MqttSettings) -> None:
        self.heard: list[Incoming] = []
        self.connection = MqttConnection(
            settings, client_id="listener", version=MqttVersion.V5, on_message=self.heard.append
        )

    def topics(self) -> list[str]:
        return [message.topic for message in self.heard]

    def messages(self, ending: str) -> list[Any]:
        return [json.loads(m.payload) for m in self.heard if m.topic.endswith(ending)]


def device(record: Make, seq: int, name: str = "ox-1", **content: Any) -> Record:
    found = record(seq, kind=RecordKind.DEVICE, device=name, metric=None, payload=content)
    assert isinstance(found, Record)
    return found
