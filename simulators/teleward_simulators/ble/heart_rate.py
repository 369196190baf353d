"""A chest strap: Heart Rate service 0x180D, one notification a second with its R-R intervals."""

import asyncio
from typing import Any

from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.ble import heart_rate as codec
from teleward_simulators.ble.peripheral import Peripheral, refusal, uuid16

NOTIFY_S = 1.0
"""What straps on the market do; the service asks for "typically once per second"."""
MOST_RR = 9
"""As many as fit the 20 bytes of the smallest MTU beside flags and heart rate."""
CONTROL_POINT = uuid16(0x2A39)
NOT_SUPPORTED = 0x80
"""Heart Rate Service 1.0, 1.6: Control Point Not Supported."""
CHEST = 1


class HeartRate(Peripheral):
    """Options: ``location`` (1 = chest), ``energy`` (count kJ), ``wide`` (16-bit heart rate)."""

    kind = "heart-rate"
    title = "HR strap"
    model = "Chest strap"
    advertised: tuple[str, ...] = (codec.SERVICE,)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._energy_kj = 0.0
        self._last_beat: float | None = None

    def services(self) -> list[Service]:
        self._measurement = self.notifier(codec.MEASUREMENT)
        location = bytes([int(self.options.get("location", CHEST))])
        return [
            Service(
                codec.SERVICE,
                [
                    self._measurement,
                    self.readable(codec.LOCATION, location),
                    self.writable(CONTROL_POINT, self._control),
                ],
            )
        ]

    def _control(self, _connection: Connection, value: bytes) -> None:
        if value != b"\x01":
            raise refusal(NOT_SUPPORTED)
        self._energy_kj = 0.0

    async def run(self) -> None:
        while True:
            await self.wait_subscribed(self._measurement)
            self._last_beat = None
            since = self.clock.now_s()
            while self.subscribed(self._measurement):
                await asyncio.sleep(NOTIFY_S)
                now = self.clock.now_s()
                self.notify(self._measurement, bytes(self._measure(since, now)))
                since = now

    def _measure(self, since_s: float, now_s: float) -> codec.HeartRateMeasurement:
        if self.probe_off:
            self._last_beat = None
            return codec.HeartRateMeasurement(0, contact=False)
        rate = self.source.numeric("heart_rate", now_s)
        self._energy_kj += 0.5 * (now_s - since_s) / 60
        return codec.HeartRateMeasurement(
            heart_rate=0 if rate is None else max(0, round(rate)),
            contact=True,
            energy_kj=int(self._energy_kj) if self.options.get("energy") else None,
            rr=self._intervals(since_s, now_s),
            wide=bool(self.options.get("wide", False)),
        )

    def _intervals(self, since_s: float, now_s: float) -> tuple[int, ...]:
        rr = []
        for beat in self.source.beats(since_s, now_s):
            if self._last_beat is not None:
                rr.append(round((beat - self._last_beat) * codec.RR_UNITS_PER_S))
            self._last_beat = beat
        return tuple(rr[:MOST_RR])
