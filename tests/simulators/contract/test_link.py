"""What every session relies on, on every tier: the contract of a BLE link."""

import asyncio
import os
import struct
from typing import Any

import pytest

from teleward_drivers.ble import blood_pressure, heart_rate
from teleward_drivers.ble_link import BleLink
from teleward_drivers.errors import (
    DeviceNotFound,
    LinkError,
    LinkLost,
    OperationRefused,
    OperationTimeout,
)
from teleward_simulators.ble import framed_patch, link_bench

SLOW = os.environ.get("TELEWARD_TIERS") == "kernel"
MODEL = "00002a24-0000-1000-8000-00805f9b34fb"
BATTERY = "00002a19-0000-1000-8000-00805f9b34fb"
WAIT_S = 30.0 if SLOW else 5.0


async def receive(link: BleLink, count: int, channel: str) -> list[bytes]:
    """Return the next ``count`` values of ``channel``."""
    values: list[bytes] = []
    async with asyncio.timeout(WAIT_S):
        while len(values) < count:
            received = await link.read()
            if received.channel == channel:
                values.append(received.data)
    return values


async def read(link: BleLink, channel: str) -> bytes:
    """Read ``channel`` once."""
    await link.request(channel)
    return (await receive(link, 1, channel))[0]


async def test_a_device_is_found_by_what_it_advertises(world: Any) -> None:
    """Name and services are what the scan page chooses a driver by."""
    sighting = await world.adapter.find("C0:00:00:00:00:02", WAIT_S)
    assert sighting.name == "HR strap 0002"
    assert heart_rate.SERVICE in sighting.services
    assert -127 < sighting.rssi_dbm < 0


async def test_a_link_lists_the_characteristics(world: Any) -> None:
    """A driver asks what is there before it subscribes."""
    link = await world.open("heart-rate")
    assert {heart_rate.MEASUREMENT, heart_rate.LOCATION, MODEL, BATTERY} <= link.channels()


async def test_reading_device_information(world: Any) -> None:
    """Who the device is, for the list of devices."""
    link = await world.open("heart-rate")
    assert await read(link, MODEL) == b"Chest strap"
    assert await read(link, BATTERY) == bytes([90])


async def test_an_unknown_characteristic_is_refused(world: Any) -> None:
    """A driver for another model must get an answer, not a crash."""
    link = await world.open("heart-rate")
    with pytest.raises(OperationRefused):
        await link.request(blood_pressure.MEASUREMENT)


async def test_values_longer_than_the_mtu(world: Any) -> None:
    """512 bytes, the longest value there is, both ways."""
    link = await world.open("link-bench")
    for value in (bytes(range(256)) * 2, b"\x55" * 512):
        await link.write(value, link_bench.LONG)
        assert await read(link, link_bench.LONG) == value


async def test_a_refusal_carries_its_code(world: Any) -> None:
    """Profiles say why they refuse by an error of their own, 0x80 and up."""
    link = await world.open("link-bench")
    with pytest.raises(OperationRefused) as refused:
        await link.request(link_bench.REFUSED)
    assert refused.value.code == 0x80


async def test_a_link_survives_a_refusal(world: Any) -> None:
    """A refusal is an answer; the link goes on."""
    link = await world.open("heart-rate")
    with pytest.raises(OperationRefused) as refused:
        await link.write(b"\x02", "00002a39-0000-1000-8000-00805f9b34fb")
    assert refused.value.code == 0x80
    assert await read(link, MODEL) == b"Chest strap"


async def test_a_burst_of_notifications_arrives_whole_and_in_order(world: Any) -> None:
    """Nothing between the radio and the driver may lose or reorder values."""
    link = await world.open("link-bench")
    await link.subscribe(link_bench.STREAM)
    await link.write(struct.pack("<BHH", 3, 200, 20), link_bench.COMMAND)
    values = await receive(link, 200, link_bench.STREAM)
    counters = [int.from_bytes(value[:4], "little") for value in values]
    assert counters == list(range(counters[0], counters[0] + 200))


async def test_large_notifications_arrive_whole(world: Any) -> None:
    """A frame of our protocol has up to 251 bytes."""
    link = await world.open("link-bench")
    await link.subscribe(link_bench.STREAM)
    await link.write(struct.pack("<BHH", 3, 20, 251), link_bench.COMMAND)
    values = await receive(link, 20, link_bench.STREAM)
    assert {len(value) for value in values} == {251}
    assert all(value[4:] == b"\xaa" * 247 for value in values)


async def test_indications_arrive_in_order(world: Any) -> None:
    """Cuffs and scales indicate: each waits for the confirmation of the last."""
    link = await world.open("link-bench")
    await link.subscribe(link_bench.INDICATED)
    await link.write(struct.pack("<BH", 1, 20), link_bench.COMMAND)
    values = await receive(link, 20, link_bench.INDICATED)
    counters = [int.from_bytes(value, "little") for value in values]
    assert counters == list(range(counters[0], counters[0] + 20))


async def test_writes_without_response_arrive_in_order(world: Any) -> None:
    """Commands of our protocol go this way."""
    link = await world.open("link-bench")
    await link.subscribe(link_bench.ECHO)
    sent = [bytes([0xF0, number]) for number in range(20)]
    for data in sent:
        await link.write(data, link_bench.COMMAND, response=False)
    assert await receive(link, 20, link_bench.ECHO) == sent


async def test_operations_at_the_same_time(world: Any) -> None:
    """ATT allows one request at a time; asking for more must queue, not fail."""
    link = await world.open("link-bench")
    await asyncio.gather(*(link.request(link_bench.LONG) for _ in range(5)))
    assert [len(v) for v in await receive(link, 5, link_bench.LONG)] == [512] * 5


async def test_a_lost_link_ends_the_reading(world: Any) -> None:
    """Supervision timeout: the session must learn of it at once."""
    link = await world.open("heart-rate")
    waiting = asyncio.create_task(link.read())
    await world.fault("heart-rate", "link_loss")
    with pytest.raises(LinkLost):
        await asyncio.wait_for(waiting, WAIT_S)
    with pytest.raises(LinkLost):
        await link.request(MODEL)


async def test_a_device_that_hangs_up(world: Any) -> None:
    """Cuffs end the connection themselves after their reading."""
    link = await world.open("link-bench")
    with pytest.raises(LinkLost):
        await _hang_up(link)


async def _hang_up(link: BleLink) -> None:
    """Have the device hang up; the answer to the order may not make it before the end."""
    await link.write(b"\x02", link_bench.COMMAND)
    await asyncio.wait_for(link.read(), WAIT_S)


async def test_a_loss_during_an_operation(world: Any) -> None:
    """The operation fails with the link, long before its own timeout."""
    link = await world.open("link-bench")
    await world.fault("link-bench", "latency", seconds=0.5)
    asking = asyncio.create_task(link.request(link_bench.LONG))
    await asyncio.sleep(0.1)
    await world.fault("link-bench", "link_loss")
    with pytest.raises(LinkError):
        await asyncio.wait_for(asking, WAIT_S)


async def test_reconnecting_after_a_loss(world: Any) -> None:
    """A new link works like the first; subscriptions are made anew."""
    for _ in range(3):
        link = await world.open("link-bench")
        await link.subscribe(link_bench.STREAM)
        await link.write(struct.pack("<BHH", 3, 5, 20), link_bench.COMMAND)
        assert len(await receive(link, 5, link_bench.STREAM)) == 5
        await world.fault("link-bench", "link_loss")
        with pytest.raises(LinkLost):
            await asyncio.wait_for(_read_on(link), WAIT_S)
        await link.close()


async def test_closing_and_opening_again(world: Any) -> None:
    """A closed link leaves the device free, and closing twice does no harm."""
    link = await world.open("heart-rate")
    await link.close()
    await link.close()
    with pytest.raises(LinkLost):
        await link.read()
    again = await world.open("heart-rate")
    assert await read(again, MODEL) == b"Chest strap"


async def test_a_device_that_vanished_after_it_was_heard(world: Any) -> None:
    """The attempt ends in time, and the adapter can connect to others afterwards."""
    sighting = await world.adapter.find("C0:00:00:00:00:02", WAIT_S)
    await world.fault("heart-rate", "away")
    with pytest.raises((OperationTimeout, LinkLost, DeviceNotFound)):
        await BleLink.connect(world.adapter, sighting, 1.5)
    other = await world.open("link-bench")
    assert len(await read(other, link_bench.LONG)) == 512


async def test_a_device_that_does_not_answer_connections(world: Any) -> None:
    """Advertised but not connectable; the next attempt after it recovers succeeds."""
    if world.tier == "kernel":
        pytest.skip("Linux 6.1 dies of it: list corruption in hci_chan_del")
    await world.fault("heart-rate", "refuse")
    with pytest.raises(LinkError):
        await world.open("heart-rate", timeout_s=3.0)
    await world.fault("heart-rate", "clear")
    link = await world.open("heart-rate")
    assert await read(link, MODEL) == b"Chest strap"


async def test_a_silent_link_stays_open_and_delivers_nothing(world: Any) -> None:
    """The zombie: only the session's watchdog can notice. Closing and reconnecting cures it."""
    link = await world.open("link-bench")
    await link.subscribe(link_bench.STREAM)
    await link.write(struct.pack("<BHH", 4, 50, 20), link_bench.COMMAND)
    await receive(link, 5, link_bench.STREAM)
    await world.fault("link-bench", "silence")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_read_on(link), 0.7)
    await world.fault("link-bench", "link_loss")
    again = await world.open("link-bench")
    assert len(await read(again, link_bench.LONG)) == 512


async def _read_on(link: BleLink) -> None:
    while True:
        await link.read()


async def test_a_secret_is_read_after_pairing(world: Any) -> None:
    """An encrypted characteristic: pair once, read, and again from the bond."""
    link = await world.open("link-bench")
    await link.pair()
    assert await read(link, link_bench.SECRET) == b"secret"
    await link.close()
    again = await world.open("link-bench")
    await again.pair()
    assert await read(again, link_bench.SECRET) == b"secret"


async def test_stored_readings_come_right_after_subscribing(world: Any) -> None:
    """A cuff hands over its memory in repeated indications, oldest first."""
    link = await world.open("blood-pressure")
    await link.subscribe(blood_pressure.MEASUREMENT)
    values = await receive(link, 3, blood_pressure.MEASUREMENT)
    readings = [blood_pressure.BloodPressure.from_bytes(value) for value in values]
    times = [reading.calendar.to_ns() or 0 for reading in readings if reading.calendar]
    assert times == sorted(times)
    assert len(set(times)) == 3


async def test_two_devices_at_once_do_not_mix(world: Any) -> None:
    """Two people's devices on one adapter: every value comes over its own link."""
    bench = await world.open("link-bench")
    patch = await world.open("framed-patch")
    await bench.subscribe(link_bench.STREAM)
    await patch.subscribe(framed_patch.TRANSMIT)
    await bench.write(struct.pack("<BHH", 3, 50, 20), link_bench.COMMAND)
    from_patch = await receive(patch, 3, framed_patch.TRANSMIT)
    assert all(value[:2] == b"\xa5\x5a" for value in from_patch)
    from_bench = await receive(bench, 50, link_bench.STREAM)
    assert all(value[4:] == b"\xaa" * 16 for value in from_bench)


async def test_many_connects_leave_nothing_behind(world: Any) -> None:
    """Ten times over, as a flapping device does in a minute."""
    rounds = 2 if world.tier == "kernel" else 10
    for _ in range(rounds):
        link = await world.open("heart-rate")
        assert await read(link, MODEL) == b"Chest strap"
        await link.close()
