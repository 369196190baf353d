"""A TaiDoc or FORA device with a memory: silent until it is asked, newest record first.

button --> measured, kept --> 2B, 25, 26 ... answered
It has the Health Thermometer service too and stays silent on it, as FORA devices do.
"""

import asyncio
from dataclasses import dataclass

from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.ble import taidoc as codec
from teleward_drivers.fields import DateTime, Malformed
from teleward_simulators.ble import published
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.on_demand import OnDemand
from teleward_simulators.ble.peripheral import Properties, uuid16

THERMOMETER_SERVICE = uuid16(0x1809)
MODELS = {
    "thermometer": ("TAIDOC TD1261", 0x1261),
    "oximeter": ("FORA O2", 0x8255),
    "cuff": ("FORA P30 PLUS", 0x3129),
    "cuff and glucose": ("FORA D40", 0x3261),
    "glucose": ("FORA MD6", 0x4279),
}
"""Device -> advertised name, model number."""
MOST = 20
SETTLED_S = 10.0
"""Before it, a patient has no rates yet."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One record: its date and time, its value, and whether it is of the cuff."""

    moment: DateTime
    value: tuple[int, int, int, int]
    cuff: bool = False


class TaiDoc(OnDemand):
    """Options: ``measures`` (a name of `MODELS`), ``stored``, ``first_s``, ``interval_s``,
    ``calendar``, ``control`` (the newest glucose is of control solution)."""

    kind = "taidoc"
    title = "FORA"
    model = "TaiDoc"
    maker = "TaiDoc Technology"
    advertised = (codec.SERVICE,)
    has_battery = False

    def services(self) -> list[Service]:
        self._measures = str(self.options.get("measures", "thermometer"))
        name, self._number = MODELS[self._measures]
        self.name = f"{name} {self.serial[-4:]}"
        self.calendar = CalendarClock(self.options.get("calendar", "right"))
        self.records: list[Kept] = []
        for ago in range(int(self.options.get("stored", 2)), 0, -1):
            self._measure(3600.0 * ago)
        both = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE | Properties.NOTIFY
        self._channel = self.writable(codec.CHANNEL, self._written, both)
        silent = Service(THERMOMETER_SERVICE, [self.indicator(uuid16(0x2A1C))])
        return [Service(codec.SERVICE, [self._channel]), silent]

    async def run(self) -> None:
        wait_s = float(self.options.get("first_s", 2.0))
        while True:
            await self.wait_pressed(wait_s or None)
            self._measure()
            wait_s = float(self.options.get("interval_s", 0.0))
            await asyncio.sleep(0)

    def _measure(self, ago_s: float = 0.0) -> None:
        """Keep one record; the newest is the first."""
        moment = self.calendar.now(ago_s) or DateTime(2000, 0, 0)
        now_s = max(SETTLED_S, self.clock.now_s() - ago_s)
        if self._measures == "cuff and glucose" and len(self.records) % 2:
            kept = Kept(moment, self._glucose(now_s))
        elif self._measures.startswith("cuff"):
            kept = Kept(moment, self._cuff(now_s), cuff=True)
        elif self._measures == "glucose":
            kept = Kept(moment, self._glucose(now_s))
        elif self._measures == "oximeter":
            spo2, pulse = self._whole("spo2", now_s), self._whole("pulse_rate", now_s)
            kept = Kept(moment, (spo2, 0, 0, pulse))
        else:
            celsius = self._real("body_temperature", now_s)
            tenths = round(celsius * 10)
            kept = Kept(moment, (tenths & 0xFF, tenths >> 8, 0, 0))
        self.records = [kept, *self.records][:MOST]

    def _cuff(self, now_s: float) -> tuple[int, int, int, int]:
        systolic = self._whole("nibp_systolic", now_s)
        return systolic, 0, self._whole("nibp_diastolic", now_s), self._whole("pulse_rate", now_s)

    def _glucose(self, now_s: float) -> tuple[int, int, int, int]:
        value = round(self.source.numeric("glucose", now_s) or 104.0)
        context = published.TAIDOC_CONTROL_SOLUTION << 2 if self.options.get("control") else 0
        return value & 0xFF, value >> 8, 0, context

    def _whole(self, metric: str, now_s: float) -> int:
        return round(self._real(metric, now_s))

    def _real(self, metric: str, now_s: float) -> float:
        return self.source.numeric(metric, now_s) or 0.0

    def _written(self, _connection: Connection, value: bytes) -> None:
        try:
            asked = codec.Packet.from_bytes(bytes(value))
        except Malformed:
            return
        answer = self._answer(asked)
        if answer is not None and asked.end == codec.TO_DEVICE:
            packet = codec.Packet(asked.command, answer, codec.FROM_DEVICE)
            self.notify(self._channel, bytes(packet))

    def _answer(self, asked: codec.Packet) -> tuple[int, int, int, int] | None:
        index = asked.data[0] | asked.data[1] << 8
        if asked.command == codec.MODEL:
            return self._number & 0xFF, self._number >> 8, 0, 0
        if asked.command == codec.CLOCK:
            return codec.moment_data(self.calendar.now() or DateTime(2000, 0, 0))
        if asked.command == codec.NUMBER:
            return len(self.records), 0, 0, 0
        if index >= len(self.records):
            return None
        kept = self.records[index]
        if asked.command == codec.RECORD_TIME:
            return codec.moment_data(kept.moment, kept.cuff)
        return kept.value if asked.command == codec.RECORD_VALUE else None
