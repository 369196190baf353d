"""A waveform patch: ECG, pleth and respiration over Nordic UART in our framed protocol.

central writes RX 6e400002: host commands       patch notifies TX 6e400003: frames
"""

import asyncio
from typing import Any

from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.framed import MAX_FRAME
from teleward_simulators.ble.peripheral import Peripheral, Properties
from teleward_simulators.framed_device import TICK_S, FramedDevice

SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
RECEIVE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
TRANSMIT = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
WHOLE_FRAMES_FROM = 64
"""Bytes of a notification from which frames of samples are made to fit into one."""


class FramedPatch(Peripheral):
    """Options: ``waves`` {metric: Hz}, ``numerics`` [metric]."""

    kind = "framed-patch"
    title = "Patch"
    model = "Waveform patch"
    advertised = (SERVICE,)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        waves = self.options.get("waves")
        self.engine = FramedDevice(
            self.source,
            self.serial,
            self.model,
            {m: float(fs) for m, fs in waves.items()} if waves is not None else None,
            tuple(self.options.get("numerics", ())),
        )

    def services(self) -> list[Service]:
        self._transmit = self.notifier(TRANSMIT)
        receive = self.writable(
            RECEIVE, self._received, Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
        )
        return [Service(SERVICE, [receive, self._transmit])]

    def _received(self, _connection: Connection, value: bytes) -> None:
        self._send(self.engine.feed(bytes(value), self.clock.now_s()))

    def _send(self, frames: list[bytes]) -> None:
        room = self.notification_room()
        for frame in frames:
            for at in range(0, len(frame), room):
                self.notify(self._transmit, frame[at : at + room])

    def set_probe(self, off: bool) -> None:
        super().set_probe(off)
        self.engine.body.probe_off = off
        self._send([self.engine.status(self.clock.now_s())])

    def set_battery(self, percent: int) -> None:
        super().set_battery(percent)
        self.engine.body.battery_percent = percent
        self._send([self.engine.status(self.clock.now_s())])

    def on_disconnected(self) -> None:
        self.engine.connected(self.clock.now_s())

    async def run(self) -> None:
        while True:
            await self.wait_subscribed(self._transmit)
            self._send(self.engine.connected(self.clock.now_s()))
            while self.subscribed(self._transmit):
                room = self.notification_room()
                self.engine.largest = (
                    min(MAX_FRAME, room) if room >= WHOLE_FRAMES_FROM else MAX_FRAME
                )
                self._send(self.engine.tick(self.clock.now_s()))
                await asyncio.sleep(TICK_S)
