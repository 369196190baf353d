"""A spot-check oximeter: 0x1822 with readings on demand (0x2A5E) and a memory behind RACP."""

from bumble.gatt import Service

from teleward_drivers.ble import pulse_oximeter as codec
from teleward_drivers.medfloat import MedFloat
from teleward_simulators.ble import published
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.on_demand import OnDemand
from teleward_simulators.ble.record_access import RecordMemory

FEATURES = 0x000D
"""Measurement status, a memory and time stamps."""
HOUR_S = 3600.0


class SpotOximeter(OnDemand):
    """Options: ``first_s``, ``interval_s`` (0: once), ``stored`` (readings, an hour apart),
    ``calendar``."""

    kind = "spot-oximeter"
    title = "Spot oximeter"
    model = "Spot-check oximeter"
    advertised = (codec.SERVICE,)

    def services(self) -> list[Service]:
        self.calendar = CalendarClock(self.options.get("calendar", "right"))
        self._spot = self.indicator(codec.SPOT_CHECK)
        self.memory = RecordMemory(self, self._spot, self._report)
        stored = int(self.options.get("stored", 0))
        for number in range(stored):
            self.memory.records[number] = bytes(self._reading(HOUR_S * (stored - number)))
        return [
            Service(
                codec.SERVICE,
                [
                    self._spot,
                    self.readable(codec.FEATURES, FEATURES.to_bytes(2, "little") + b"\0\2"),
                    self.memory.control,
                ],
            ),
            self.calendar.service(self),
        ]

    async def _report(self, record: bytes) -> None:
        await self.indicate(self._spot, record)

    async def run(self) -> None:
        wait_s = float(self.options.get("first_s", 5.0))
        while True:
            await self.wait_subscribed(self._spot)
            await self.wait_pressed(wait_s or None)
            await self.indicate(self._spot, bytes(self._reading()))
            wait_s = float(self.options.get("interval_s", 0.0))

    def _reading(self, ago_s: float = 0.0) -> codec.SpotCheckMeasurement:
        now_s = max(0.0, self.clock.now_s() - ago_s)
        spo2, pulse = (
            None if self.probe_off else self.source.numeric(metric, now_s)
            for metric in ("spo2", "pulse_rate")
        )
        stamp = self.calendar.now(ago_s)
        status = published.FULLY_QUALIFIED
        if ago_s:
            status |= published.FROM_STORAGE
        return codec.SpotCheckMeasurement(
            MedFloat.of(spo2),
            MedFloat.of(pulse),
            stamp,
            status,
            clock_not_set=stamp is None,
        )
