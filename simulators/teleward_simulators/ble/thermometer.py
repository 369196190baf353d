"""A thermometer: Health Thermometer service 0x1809, an indication every interval."""

import asyncio
from typing import Any

from bumble.gatt import Service

from teleward_drivers.ble import thermometer as codec
from teleward_drivers.medfloat import MedFloat
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.peripheral import Peripheral

ARMPIT = 1


class Thermometer(Peripheral):
    """Options: ``interval_s``, ``first_s``, ``fahrenheit``, ``site`` (1 = armpit), ``calendar``."""

    kind = "thermometer"
    title = "Thermometer"
    model = "Skin thermometer"
    advertised = (codec.SERVICE,)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.calendar = CalendarClock(self.options.get("calendar", "right"))
        self._interval_s = float(self.options.get("interval_s", 30.0))

    def services(self) -> list[Service]:
        self._measurement = self.indicator(codec.MEASUREMENT)
        site = self.readable(codec.TYPE, bytes([int(self.options.get("site", ARMPIT))]))
        return [Service(codec.SERVICE, [self._measurement, site]), self.calendar.service(self)]

    async def run(self) -> None:
        while True:
            await self.wait_subscribed(self._measurement)
            await asyncio.sleep(float(self.options.get("first_s", 2.0)))
            while self.subscribed(self._measurement):
                await self.indicate(self._measurement, bytes(self._measure(self.clock.now_s())))
                await asyncio.sleep(self._interval_s)

    def _measure(self, now_s: float) -> codec.TemperatureMeasurement:
        celsius = None if self.probe_off else self.source.numeric("body_temperature", now_s)
        fahrenheit = bool(self.options.get("fahrenheit", False))
        value = celsius * 9 / 5 + 32 if celsius is not None and fahrenheit else celsius
        return codec.TemperatureMeasurement(
            MedFloat.of(value, -1),
            fahrenheit,
            self.calendar.now(),
            None if self.options.get("untyped") else int(self.options.get("site", ARMPIT)),
        )
