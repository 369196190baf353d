"""A blood glucose meter: Glucose service 0x1808 with a memory, and a continuous sensor, 0x181F."""

import asyncio
import time
from dataclasses import replace
from typing import Any

from bumble.gatt import Service

from teleward_drivers.ble import cgm
from teleward_drivers.ble import glucose as codec
from teleward_drivers.fields import DateTime
from teleward_drivers.medfloat import MedFloat
from teleward_simulators.ble import published
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.on_demand import OnDemand
from teleward_simulators.ble.peripheral import Peripheral
from teleward_simulators.ble.record_access import RecordMemory

FEATURES = b"\x03\x04"
"""Low battery and sensor malfunction are detected, and the time of faults is kept."""
CAPILLARY_WHOLE_BLOOD, FINGER = 1, 1
USUAL_MG_PER_DL = 104.0
"""A value between meals of a healthy adult, when the patient has no glucose of its own."""
CGM_INTERVAL_S = 300.0
"""Sensors measure every five minutes."""


class GlucoseMeter(OnDemand):
    """A meter keeps what it measures and reports only when it is asked (Glucose Service 1.0.1, 3).

    Options: ``stored`` (records in memory, an hour apart), ``molar``, ``control`` (the last one
    is of control solution), ``value`` (mg/dL), ``status`` (such as "time fault"),
    ``interval_s`` (a drop of blood so often; 0: only when `measure` is pressed), ``first_s``,
    ``calendar`` (see `calendar_clock`), ``no_filter`` (can report all records or none),
    ``newest_first`` (reports its memory backward)."""

    kind = "glucose"
    title = "Glucose meter"
    model = "Blood glucose meter"
    advertised = (codec.SERVICE,)

    def services(self) -> list[Service]:
        self.calendar = CalendarClock(self.options.get("calendar", "right"))
        self._measurement = self.notifier(codec.MEASUREMENT)
        context = self.notifier(codec.CONTEXT)
        self.memory = RecordMemory(self, self._measurement, self._report)
        self.measured_s: dict[int, float] = {}
        """Record number -> device time at which it was measured: the truth, for tests."""
        stored = int(self.options.get("stored", 5))
        for number in range(1, stored + 1):
            record = self._record(number, 3600.0 * (stored - number + 1), 3.0 * (number % 5))
            if self.options.get("control") and number == stored:
                record = replace(
                    record,
                    type=published.CONTROL_SOLUTION_TYPE,
                    location=published.CONTROL_SOLUTION_LOCATION,
                )
            self.memory.records[number] = bytes(record)
        feature = self.readable(codec.FEATURE, FEATURES)
        return [
            Service(codec.SERVICE, [self._measurement, context, feature, self.memory.control]),
            self.calendar.service(self),
        ]

    def _record(self, number: int, ago_s: float, more: float = 0.0) -> codec.GlucoseMeasurement:
        # before the value: a patient who was not asked for long is lived for a while now
        base_time = self.calendar.now(ago_s) or DateTime(0, 0, 0)
        self.measured_s[number] = measured_s = max(0.0, self.clock.now_s() - ago_s)
        value = self.source.numeric("glucose", measured_s)
        mg_per_dl = float(self.options.get("value", value or USUAL_MG_PER_DL)) + more
        molar = bool(self.options.get("molar", False))
        concentration = (
            MedFloat.of(mg_per_dl / codec.MG_PER_DL_OF_MOL_PER_L, -4)
            if molar
            else MedFloat.of(mg_per_dl / codec.MG_PER_DL_OF_KG_PER_L, -5)
        )
        return codec.GlucoseMeasurement(
            sequence=number,
            base_time=base_time,
            offset_minutes=0,
            concentration=concentration,
            molar=molar,
            type=CAPILLARY_WHOLE_BLOOD,
            location=FINGER,
            status=published.GLUCOSE[self.options["status"]] if "status" in self.options else 0,
        )

    async def _report(self, record: bytes) -> None:
        self.notify(self._measurement, record)

    async def run(self) -> None:
        interval_s = float(self.options.get("interval_s", 0.0)) or None
        wait_s = float(self.options.get("first_s", 5.0)) if interval_s else None
        while True:
            await self.wait_pressed(wait_s)
            wait_s = interval_s
            number = max(self.memory.records, default=0) + 1
            self.memory.records[number] = bytes(self._record(number, 0.0))


class GlucoseSensor(Peripheral):
    """Options: ``interval_s`` (300), ``stored`` (records since the start), ``value`` (mg/dL)."""

    kind = "cgm"
    title = "CGM"
    model = "Continuous glucose sensor"
    advertised = (cgm.SERVICE,)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._interval_s = float(self.options.get("interval_s", CGM_INTERVAL_S))
        self._stored = int(self.options.get("stored", 3))
        self._started_ns = time.time_ns() - int(self._stored * CGM_INTERVAL_S * 1e9)

    def services(self) -> list[Service]:
        self._measurement = self.notifier(cgm.MEASUREMENT)
        self.memory = RecordMemory(self, self._measurement, self._report)
        for number in range(self._stored):
            minutes = round(number * CGM_INTERVAL_S / 60)
            self.memory.records[minutes] = bytes(self._record(minutes))
        start = bytes(cgm.SessionStart(DateTime.from_ns(self._started_ns), 0, 0))
        feature = (0).to_bytes(3, "little") + b"\x59" + cgm.NO_CRC.to_bytes(2, "little")
        return [
            Service(
                cgm.SERVICE,
                [
                    self._measurement,
                    self.readable(cgm.FEATURE, feature),
                    self.readable(cgm.SESSION_START, start),
                    self.memory.control,
                ],
            )
        ]

    def _record(self, minutes: int) -> cgm.CgmRecord:
        value = self.source.numeric("glucose", self.clock.now_s())
        mg_per_dl = float(self.options.get("value", value or USUAL_MG_PER_DL))
        missing = self.probe_off
        return cgm.CgmRecord(
            MedFloat.of(None if missing else mg_per_dl + minutes % 7),
            minutes,
            status=published.CGM_SENSOR_MALFUNCTION if missing else None,
            trend=MedFloat.of(0.2, -1),
            quality=MedFloat.of(0.0 if missing else 95.0),
        )

    async def _report(self, record: bytes) -> None:
        self.notify(self._measurement, record)

    async def run(self) -> None:
        minutes = round(self._stored * CGM_INTERVAL_S / 60)
        while True:
            await asyncio.sleep(self._interval_s)
            record = bytes(self._record(minutes))
            self.memory.records[minutes] = record
            if self.subscribed(self._measurement):
                self.notify(self._measurement, record)
            minutes += round(CGM_INTERVAL_S / 60)
