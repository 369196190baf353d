"""Two gateways of one name, against a real mosquitto."""

from collections.abc import Callable
from typing import Any

import pytest

from teleward_cloud.mqtt import link
from teleward_cloud.mqtt.namesake import Namesake
from teleward_cloud.mqtt.payload import status
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance

Wait = Callable[..., Any]
FIELD = Provenance.FIELD


@pytest.mark.parametrize("client_ids", [(None, None), ("a", "b")], ids=["one id", "two ids"])
async def test_two_gateways_of_one_name_are_named_on_both(
    mosquitto: Mosquitto,
    client_ids: tuple[str | None, str | None],
    eventually: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "_LOOK_AFTER_S", 0.2)
    sinks = [
        MqttSink(
            MqttSettings(port=mosquitto.port, client_id=client_id),
            gateway="raspberrypi",
            provenance=FIELD,
        )
        for client_id in client_ids
    ]
    for sink in sinks:
        await sink.open()
    await eventually(lambda: all(sink.conflict for sink in sinks), 60)
    assert "another gateway is named raspberrypi" in (sinks[0].conflict or "")
    await sinks[1].close()
    await sinks[0].wait_connected(60)
    await sinks[0].close()


async def test_a_restarted_gateway_is_no_other(mosquitto: Mosquitto) -> None:
    """Not after a stop in order, and not when the broker finds out late that it crashed."""
    settings = MqttSettings(port=mosquitto.port)
    for orderly in (True, False, False, True):
        sink = MqttSink(settings, gateway="ward-3", provenance=FIELD)
        await sink.open()
        await sink.wait_connected(30)
        assert sink.conflict is None
        if orderly:
            await sink.close()
        else:
            crashed, connection = sink._link, sink._link.current()
            assert crashed._runner is not None
            crashed._runner.cancel()
            connection._pump.detach()
    assert sink.conflict is None


def heard(instance: str, connection: int, *, online: bool, time_ns: int | None = 0) -> bytes:
    return status(
        "ward-3", online=online, simulated=False, time_ns=time_ns, instance=instance,
        connection=connection,
    )  # fmt: skip


def test_what_is_evidence_of_another_gateway() -> None:
    mine = Namesake("ward-3")
    assert not mine.received(heard(mine.instance, 1, online=True), retained=False)
    for junk in (b"", b"[" * 100_000, b"1e999", b'{"state":"online"}', b"\xff"):
        assert not mine.received(junk, retained=False)
    last = heard("last process", 7, online=False, time_ns=None)
    assert not mine.received(last, retained=True)
    assert not mine.received(last, retained=False)
    assert mine.problem is None
    assert not mine.answer_due()
    assert mine.received(heard("last process", 8, online=False, time_ns=None), retained=True)
    assert mine.problem is not None
    assert mine.answer_due()
    assert not mine.answer_due()
    assert not mine.received(heard("last process", 9, online=False), retained=False)
    assert mine.problem is None
