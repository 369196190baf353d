"""A Mi Body Composition Scale 2: it broadcasts while a person steps on, and indicates on 0x2A9C.

    step on --> swaying, rising (4 a second) --> steady --> with impedance --> stepped off, repeated

What is sent are captured values (openScale issue 392; ble_monitor's tests, MIT) in which weight,
time and impedance are replaced, so that the flags are those of the real scale.
"""

import asyncio
import struct
from collections.abc import Iterator

from bumble.gatt import Service

from teleward_drivers.fields import DateTime
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.on_demand import OnDemand
from teleward_simulators.ble.peripheral import uuid16
from teleward_simulators.ble.scales import STEP_ON_S, USUAL
from teleward_simulators.radio.advertising import advertise

BODY_SERVICE, BODY = uuid16(0x181B), uuid16(0x2A9C)
SWAYING = bytes.fromhex("0204e307011d11351800001027")
"""57.8 kg and rising in the capture; not steady."""
STEADY = bytes.fromhex("0224e307011d113518e5014c40")
MEASURED = bytes.fromhex("0226e307011d113518e5014c40")
"""82.3 kg, 485 Ohm."""
STEPPED_OFF = bytes.fromhex("02a6e40709060d232ee9015a37")
UNITS_PER_KG = 200
PACE_S = 0.25
NEVER_SET = DateTime(1970, 1, 1)


class MiScale(OnDemand):
    """Options: ``first_s``, ``interval_s`` (0: once), ``impedance`` (Ohm), ``calendar``,
    ``kg`` (instead of the patient's weight)."""

    kind = "mi-scale"
    title = "MIBFS"
    model = "XMTZC05HM"
    maker = "Xiaomi"
    advertised = (BODY_SERVICE,)
    has_battery = False
    _value_on_air = b""

    def services(self) -> list[Service]:
        self.calendar = CalendarClock(self.options.get("calendar", "right"))
        self._body = self.indicator(BODY)
        return [Service(BODY_SERVICE, [self._body]), self.calendar.service(self)]

    async def run(self) -> None:
        wait_s = float(self.options.get("first_s", STEP_ON_S))
        while True:
            await self.wait_pressed(wait_s or None)
            for value in self.weighing():
                await self._broadcast(value)
                if self.subscribed(self._body):
                    await self.indicate(self._body, value)
                await asyncio.sleep(PACE_S)
            wait_s = float(self.options.get("interval_s", 0.0))

    def advertisement(self) -> tuple[bytes, bytes]:
        """Return the newest value as service data, the name in the scan response."""
        data = {BODY_SERVICE: self._value_on_air} if self._value_on_air else None
        return advertise(self.name, self.advertised, None, data, name_in_scan_response=True)

    async def _broadcast(self, value: bytes) -> None:
        self._value_on_air = value
        if self.device is not None and not self.connected:
            await self.device.stop_advertising()
            await self.advertise()

    def weighing(self) -> Iterator[bytes]:
        """Return the values of one weighing, in their order."""
        kg = float(self.options.get("kg", USUAL["body_weight"]))
        if "kg" not in self.options:
            kg = self.source.numeric("body_weight", self.clock.now_s()) or kg
        moment = self.calendar.now() or NEVER_SET
        for share in (0.3, 0.7, 0.94, 1.03, 0.99):
            yield self._value(SWAYING, kg * share, moment, 0)
        impedance = int(self.options.get("impedance", 485))
        yield self._value(STEADY, kg, moment, 0)
        for _ in range(2):
            yield self._value(MEASURED, kg, moment, impedance)
        for _ in range(3):
            yield self._value(STEPPED_OFF, kg, moment, impedance)

    def _value(self, captured: bytes, kg: float, moment: DateTime, impedance: int) -> bytes:
        numbers = struct.pack("<HH", impedance, round(kg * UNITS_PER_KG))
        return captured[:2] + bytes(moment) + numbers
