"""A cuff: Blood Pressure service 0x1810, with the pressure while it inflates and a memory.

    wait --interval--> inflate --0x2A36 twice a second--> deflate --> 0x2A35 indicated --> wait

A reading nobody took is kept, with its time, and indicated right after the next subscription.
"""

import asyncio
from typing import Any

from bumble.gatt import Service

from teleward_drivers.ble import blood_pressure as codec
from teleward_drivers.medfloat import MedFloat
from teleward_simulators.ble import published
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.on_demand import OnDemand

CUFF_STEP_S = 0.5
"""Cuffs that send their pressure do so about twice a second."""
INFLATE_SHARE = 0.25
"""A quarter of the time to pump up, the rest to deflate at 3 to 5 mmHg a second."""
ABOVE_SYSTOLIC = 35.0
"""mmHg; cuffs inflate 30 to 40 above the expected systolic pressure."""
MEMORY = 30
"""Readings kept, as the small memories of home cuffs; the oldest is overwritten."""
MMHG_PER_KPA = 7.500617
FEATURES = 0x0006
"""Cuff fit and irregular pulse are detected."""


class BloodPressure(OnDemand):
    """A cuff that stays connected, as at a bedside.

    Options: ``interval_s``, ``first_s``, ``cuff_s`` (seconds), ``kpa``, ``leave`` (hang up after a
    reading), ``stored`` (readings already in memory), ``user`` (the user chosen on the cuff),
    ``calendar`` (see `calendar_clock`), ``attended`` (put on and started once a host listens, as a
    nurse does at a bedside; otherwise it measures by itself from the start).
    """

    kind = "blood-pressure"
    title = "Cuff"
    model = "Upper arm cuff"
    advertised = (codec.SERVICE,)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.calendar = CalendarClock(self.options.get("calendar", "right"))
        self._memory: list[codec.BloodPressure] = []
        self._interval_s = float(self.options.get("interval_s", 300.0))
        self._cuff_s = float(self.options.get("cuff_s", 20.0))
        self._user = self.options.get("user")

    def services(self) -> list[Service]:
        self._measurement = self.indicator(codec.MEASUREMENT)
        self._cuff = self.notifier(codec.INTERMEDIATE_CUFF)
        feature = self.readable(codec.FEATURE, FEATURES.to_bytes(2, "little"))
        for number in range(int(self.options.get("stored", 0)), 0, -1):
            self._memory.append(self._reading(self.clock.now_s(), ago_s=3600.0 * number))
        return [
            Service(codec.SERVICE, [self._measurement, self._cuff, feature]),
            self.calendar.service(self),
        ]

    async def run(self) -> None:
        wait_s = float(self.options.get("first_s", 5.0))
        if self.options.get("attended"):
            await self.wait_subscribed(self._measurement)
        while True:
            deliver = asyncio.create_task(self._deliver_stored())
            try:
                await self.wait_pressed(wait_s)
            finally:
                deliver.cancel()
            await self._inflate()
            self._memory.append(self._reading(self.clock.now_s()))
            del self._memory[:-MEMORY]
            await self._deliver()
            wait_s = self._interval_s

    async def _deliver_stored(self) -> None:
        while True:
            await self.wait_subscribed(self._measurement)
            if self._memory:
                await self._deliver()
            self._wake.clear()
            await self._wake.wait()

    async def _deliver(self) -> None:
        while self._memory and self.subscribed(self._measurement):
            if not await self.indicate(self._measurement, bytes(self._memory[0])):
                return
            del self._memory[0]
        if not self._memory and self.options.get("leave") and self.connected:
            await self.disconnect()

    async def _inflate(self) -> None:
        start = self.clock.now_s()
        top = (self.source.numeric("nibp_systolic", start) or 120.0) + ABOVE_SYSTOLIC
        bottom = (self.source.numeric("nibp_diastolic", start) or 80.0) - 15.0
        rise_s = self._cuff_s * INFLATE_SHARE
        while (done_s := self.clock.now_s() - start) < self._cuff_s:
            if done_s < rise_s:
                pressure = top * done_s / rise_s
            else:
                pressure = top - (top - bottom) * (done_s - rise_s) / (self._cuff_s - rise_s)
            value = codec.BloodPressure(self._number(pressure), kpa=self._kpa)
            self.notify(self._cuff, bytes(value))
            await asyncio.sleep(min(CUFF_STEP_S, self._cuff_s / 4))

    @property
    def _kpa(self) -> bool:
        return bool(self.options.get("kpa", False))

    def _number(self, mmhg: float | None) -> MedFloat:
        if mmhg is not None and self._kpa:
            return MedFloat.of(mmhg / MMHG_PER_KPA, -1)
        return MedFloat.of(mmhg)

    def _reading(self, now_s: float, ago_s: float = 0.0) -> codec.BloodPressure:
        """Return a reading; a cuff that does not fit gives none, with the reason."""
        names = ("nibp_systolic", "nibp_diastolic", "nibp_mean", "pulse_rate")
        systolic, diastolic, mean, pulse = (
            None if self.probe_off else self.source.numeric(name, now_s) for name in names
        )
        return codec.BloodPressure(
            self._number(systolic),
            self._number(diastolic),
            self._number(mean),
            kpa=self._kpa,
            date_time=self.calendar.now(ago_s),
            pulse_rate=MedFloat.of(pulse),
            user=None if self._user is None else int(self._user),
            status=published.CUFF_TOO_LOOSE if self.probe_off else 0,
        )
