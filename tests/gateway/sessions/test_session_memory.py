"""A device with a memory over several connections: what is on record is not asked for again."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

from teleward_drivers.device import (
    Checkpoint,
    DriverInfo,
    LastRecord,
    LinkType,
    Output,
    Subscribe,
    Verification,
)
from teleward_drivers.link import Link, Received
from teleward_drivers.memory_link import MemoryLink
from teleward_gateway.sessions import link_retry
from teleward_gateway.sessions.session import Session
from teleward_signal.model import DeviceStamp, Measurement

VALUE = "value"


class Meter:
    """A driver that states a record for each byte and holds the newest back."""

    def __init__(self, log: list[Any]) -> None:
        self._log = log
        self._held: Measurement | None = None

    def resume(self, last: LastRecord) -> None:
        self._log.append(last)

    def start(self, now_ns: int) -> Iterable[Output]:
        yield Subscribe(VALUE)

    def feed(self, received: Received) -> Iterable[Output]:
        number = received.data[0]
        if number == 0:
            yield Checkpoint()
            return
        yield from self.end()
        stamp = DeviceStamp(calendar_ns=100 * number, record=number)
        self._held = Measurement("glucose", 100.0, stamp=stamp)

    def tick(self, now_ns: int) -> Iterable[Output]:
        return ()

    def recorded(self) -> Iterable[Output]:
        self._log.append("on disk")
        return ()

    def end(self) -> Iterable[Output]:
        held, self._held = self._held, None
        return () if held is None else (held,)


class Opener:
    """Opens a null modem at each connect."""

    bonded = False

    def __init__(self) -> None:
        self.ends: asyncio.Queue[MemoryLink] = asyncio.Queue()

    async def search(self) -> None:
        return

    async def connect(self) -> Link:
        ours, theirs = MemoryLink.pair(channels=frozenset({VALUE}))
        self.ends.put_nowait(theirs)
        return ours

    async def forget_bond(self) -> None:
        return


async def test_the_next_connection_begins_after_the_last_record(monkeypatch: Any) -> None:
    monkeypatch.setattr(link_retry, "FIRST_S", 0.01)
    log: list[Any] = []
    taken: list[int | None] = []
    info = DriverInfo(
        name="meter",
        title="Meter",
        link=LinkType.BLE,
        verification=Verification.SIMULATOR,
        source="this test",
        make=lambda options: Meter(log),
        metrics=frozenset({"glucose"}),
        silence_s=0,
    )

    async def on_disk(device: str) -> bool:
        log.append(f"{device} waits")
        return True

    def take(device: str, output: Output, received: Received) -> None:
        assert isinstance(output, Measurement)
        assert output.stamp is not None
        taken.append(output.stamp.record)

    opener = Opener()
    rng = random.Random(1)
    session = Session("m1", info, {}, opener, take, lambda *_: None, rng, on_disk)
    task = asyncio.create_task(session.run())
    try:
        device = await asyncio.wait_for(opener.ends.get(), 30)
        async with asyncio.timeout(30):
            for number in (1, 2, 3, 0):
                await device.write(bytes([number]), VALUE)
            while "on disk" not in log:
                await asyncio.sleep(0.01)
        assert log == ["m1 waits", "on disk"]
        assert taken == [1, 2]
        await device.close()
        await asyncio.wait_for(opener.ends.get(), 30)
        async with asyncio.timeout(30):
            while len(log) < 3:
                await asyncio.sleep(0.01)
        assert taken == [1, 2, 3]
        assert log[2:] == [LastRecord(3, 300)]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
