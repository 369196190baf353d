"""The retained status of devices: the newest stands at the broker, that of a removed one goes."""

import asyncio

import pytest

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind
from tests.cloud.mqtt.listening import Listener, Make, Wait, device
from tests.conftest import wait_until


async def test_device_status_is_retained(
    settings: MqttSettings, sink: MqttSink, record: Make, eventually: Wait
) -> None:
    status = record(1, kind=RecordKind.DEVICE, metric=None, payload={"battery_percent": 80.0})
    await sink.send([status], live=True)
    late = Listener(settings)
    await late.connection.connect()
    await late.connection.subscribe("teleward-sim/ward-3/device/#")
    await eventually(lambda: late.heard)
    assert late.heard[0].retained
    assert payload.decode(late.heard[0].payload) == [status]
    assert late.heard[0].topic == "teleward-sim/ward-3/device/ox-1"
    await late.connection.close()


class Served:
    """What a gateway serves."""

    def __init__(self, *devices: str) -> None:
        self.names = frozenset(devices)

    def devices(self) -> frozenset[str]:
        return self.names

    def subjects(self) -> frozenset[str]:
        return frozenset({"bed-1"})


async def retained(settings: MqttSettings, filter_: str) -> dict[str, bytes]:
    """Return what a broker keeps below a filter."""
    late = Listener(settings)
    await late.connection.connect()
    await late.connection.subscribe(filter_)
    last = filter_.replace("#", "nothing-retained-comes-after-this")
    await late.connection.publish(last, b"")
    await wait_until(lambda: last in late.topics())
    await late.connection.close()
    return {message.topic: message.payload for message in late.heard if message.retained}


async def test_a_status_that_failed_live_is_retained_after_the_outage(
    settings: MqttSettings, mosquitto: Mosquitto, sink: MqttSink, record: Make, eventually: Wait
) -> None:
    calm, fault = device(record, 1, faults=[]), device(record, 2, faults=["probe_off"])
    await sink.send([calm], live=True)
    mosquitto.kill()
    await eventually(lambda: not sink.connected)
    assert not (await sink.send([fault], live=True)).acknowledged
    (mosquitto.folder / "mosquitto.db").unlink(missing_ok=True)  # a broker that forgot everything
    mosquitto.start()
    await sink.wait_connected(30)
    await sink.send([fault], live=False)
    found = await retained(settings, "teleward-sim/ward-3/device/#")
    assert payload.decode(found["teleward-sim/ward-3/device/ox-1"]) == [fault]
    await sink.send([device(record, 0, faults=["old"])], live=False)
    found = await retained(settings, "teleward-sim/ward-3/device/#")
    assert payload.decode(found["teleward-sim/ward-3/device/ox-1"]) == [fault], "newest wins"


async def test_a_removed_device_has_no_retained_status(
    settings: MqttSettings, record: Make, eventually: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teleward_cloud.mqtt.link._LOOK_AFTER_S", 0.1)
    served = Served("ox-1", "ecg-1")
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED, inventory=served)
    await sink.open()
    await sink.wait_connected(30)
    await sink.send([device(record, 1), device(record, 2, "ecg-1")], live=True)
    below = "teleward-sim/ward-3/device/#"

    async def kept(*names: str) -> None:
        wanted = [f"teleward-sim/ward-3/device/{name}" for name in names]
        async with asyncio.timeout(60):
            while sorted(await retained(settings, below)) != wanted:
                await asyncio.sleep(0.2)

    await kept("ecg-1", "ox-1")
    served.names = frozenset({"ecg-1"})
    await kept("ecg-1")
    await sink.close()
    again = MqttSink(
        settings, gateway="ward-3", provenance=Provenance.SIMULATED, inventory=Served("ox-1")
    )
    await again.open()
    await again.wait_connected(30)
    await kept()  # it was removed while the gateway was off
    await again.close()
