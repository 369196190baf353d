"""Readings of devices with calendars, through driver, registry, journal and alarms."""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType

from teleward_drivers.ble import blood_pressure, current_time, glucose, racp
from teleward_drivers.device import Driver, Request, Subscribe, Write
from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_drivers.medfloat import MedFloat
from teleward_gateway.bench.field.row import Row
from teleward_gateway.testing.ward_kit import S, WardKit

MIN, HOUR = 60, 3600
DONE = bytes.fromhex("06000101")


async def rows() -> list[Row]:
    """Return the rows of readings."""
    return [await _cuff(-16 * MIN), await _stored_cuff(), await _memory(), await _meter()]


class _Device:
    """One device whose clock is ``ahead_s`` ahead, and the driver made for it."""

    def __init__(self, kit: WardKit, name: str, module: ModuleType, ahead_s: float = 0.0) -> None:
        self.kit, self.name, self._module, self.ahead_s = kit, name, module, ahead_s
        self._driver: Driver

    def connect(self) -> None:
        """Begin a connected stretch, in which the device's clock is read."""
        self.kit.ingest.forget_device(self.name)
        self._driver = self._module.make({})
        list(self._driver.start(self.kit.clock.now().time_ns))
        self.send(bytes(current_time.CurrentTime(self.calendar(0.0))), current_time.CURRENT_TIME)

    def calendar(self, ago_s: float) -> DateTime:
        """Return what the device's calendar showed ``ago_s`` ago."""
        return DateTime.from_ns(self.kit.clock.now().time_ns + round((self.ahead_s - ago_s) * S))

    def send(self, data: bytes, channel: str) -> None:
        """Send one value."""
        now = self.kit.clock.now()
        received = Received(data, now.time_ns, now.monotonic_ns, channel)
        for output in self._driver.feed(received):
            if not isinstance(output, (Subscribe, Request, Write)):
                self.kit.give(self.name, output)
        self.kit.clock.go_on(0.2)

    def pressure(self, systolic: float, ago_s: float) -> None:
        """Send a reading of a cuff."""
        value = blood_pressure.BloodPressure(
            MedFloat.of(systolic), MedFloat.of(systolic / 2), date_time=self.calendar(ago_s)
        )
        self.send(bytes(value), blood_pressure.MEASUREMENT)

    def glucose(self, number: int, mg_per_dl: int, date_time: DateTime) -> None:
        """Send a record of a meter."""
        value = glucose.GlucoseMeasurement(
            number, date_time, None, MedFloat(mg_per_dl, -5), type=1, location=1
        )
        self.send(bytes(value), glucose.MEASUREMENT)


async def _ward(stack: AsyncExitStack, device: str) -> WardKit:
    """Return a ward whose device was anna's for a day and has been bert's for ten minutes."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="teleward-bench-")))
    kit = await WardKit.open(stack, folder)
    await kit.admit("anna")
    await kit.admit("bert")
    await kit.wear(device, "anna")
    kit.clock.go_on(24 * HOUR)
    kit.registry.move_device(device, "bert")
    await kit.settle()
    kit.clock.go_on(10 * MIN)
    return kit


async def _filed(kit: WardKit, metric: str) -> list[tuple[str, float, bool, int]]:
    """Return (subject, value, whether it is live, seconds ago) of each reading on record."""
    kit.second()
    now_ns = kit.clock.now().time_ns
    return [
        (str(r.subject), r.payload["value"], not r.payload.get("stored"),
         round((now_ns - r.time_ns) / S))
        for r in await kit.recorded()
        if r.metric == metric
    ]  # fmt: skip


def _text(kit: WardKit, filed: list[tuple[str, float, bool, int]]) -> str:
    parts = [
        f"{subject}'s {value:g} of {ago} s ago, {'live' if live else 'history'}"
        for subject, value, live, ago in filed
    ]
    alarms = {f"{who}: {name}" for who in ("anna", "bert") for name in kit.alarms(who)}
    return f"{'; '.join(parts) or 'none filed'}; alarms {', '.join(sorted(alarms)) or 'none'}"


async def _cuff(ahead_s: float) -> Row:
    async with AsyncExitStack() as stack:
        kit = await _ward(stack, "cuff")
        cuff = _Device(kit, "cuff", blood_pressure, ahead_s)
        cuff.connect()
        cuff.pressure(206.0, 5.0)
        filed = await _filed(kit, "nibp_systolic")
        holds = [f[:3] for f in filed] == [("bert", 206.0, True)] and bool(kit.alarms("bert"))
        return Row(1, "a cuff 16 min slow, moved from anna to bert 10 min ago, measures 206 now",
                   "bert's, live, alarmed", _text(kit, filed), holds)  # fmt: skip


async def _stored_cuff() -> Row:
    async with AsyncExitStack() as stack:
        kit = await _ward(stack, "cuff")
        cuff = _Device(kit, "cuff", blood_pressure, 330 * MIN)
        cuff.connect()
        cuff.pressure(210.0, 3.0 * HOUR)
        filed = await _filed(kit, "nibp_systolic")
        holds = [f[:3] for f in filed] == [("anna", 210.0, False)] and not kit.alarms("anna")
        return Row(1, "a cuff on Indian time sends a reading of 3 h ago",
                   "anna's history, no alarm of its value", _text(kit, filed), holds)  # fmt: skip


async def _memory() -> Row:
    async with AsyncExitStack() as stack:
        kit = await _ward(stack, "meter")
        meter = _Device(kit, "meter", glucose)
        dates = {number: meter.calendar((30 - number) * HOUR) for number in (10, 11, 12)}
        for _ in range(3):
            meter.connect()
            for number, moment in dates.items():
                meter.glucose(number, 90 + number, moment)
            meter.send(DONE, racp.CHANNEL)
            kit.clock.go_on(60)
        filed = await _filed(kit, "glucose")
        return Row(7, "a meter with 3 records, read at three connects", "3 on record",
                   f"{len(filed)} on record", len(filed) == 3)  # fmt: skip


async def _meter() -> Row:
    async with AsyncExitStack() as stack:
        kit = await _ward(stack, "meter")
        meter = _Device(kit, "meter", glucose)
        meter.connect()
        meter.glucose(1, 41, meter.calendar(20.0))
        meter.send(DONE, racp.CHANNEL)
        filed = await _filed(kit, "glucose")
        holds = [f[:3] for f in filed] == [("bert", 41.0, True)] and bool(kit.alarms("bert"))
        return Row(8, "a meter reports 41 mg/dL, measured 20 s before it was asked",
                   "bert's, live, alarmed", _text(kit, filed), holds)  # fmt: skip
