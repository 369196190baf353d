"""Oximeters whose makers have services of their own: Viatom, Jumper, BerryMed, Nonin."""

import asyncio

from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.ble import berrymed, jumper, nonin_ble, viatom
from teleward_drivers.device import Discarded
from teleward_drivers.wired.bci import BciFrame
from teleward_simulators.ble import published
from teleward_simulators.ble.peripheral import Peripheral, Properties
from teleward_simulators.wired.oximeter_wave import OximeterWave

SMALLEST_MTU_VALUE = 20
"""These devices send at most 20 bytes at once, whatever MTU they agreed to."""
BERRY_TICK_S = 0.04
"""Four frames at 100 Hz: what a BerryMed puts into one notification."""
FULL_BATTERY_V = 3.0


class VendorOximeter(Peripheral):
    """What these have in common: whole numbers, missing when the finger is out."""

    def whole(self, metric: str) -> int | None:
        """Return a value rounded, ``None`` when there is none."""
        value = self.real(metric)
        return None if value is None else round(value)

    def real(self, metric: str) -> float | None:
        """Return a value, ``None`` when there is none."""
        return None if self.probe_off else self.source.numeric(metric, self.clock.now_s())


class Viatom(VendorOximeter):
    """An O2Ring: answers requests, in pieces of 20 bytes."""

    kind = "viatom"
    title = "O2Ring"
    model = "O2Ring"
    maker = "Viatom"
    advertised = (viatom.SERVICE,)
    has_battery = False

    def services(self) -> list[Service]:
        self._requests = viatom.cutter(viatom.REQUEST)
        self._notify_characteristic = self.notifier(viatom.NOTIFY)
        write = self.writable(
            viatom.WRITE, self._written, Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
        )
        return [Service(viatom.SERVICE, [self._notify_characteristic, write])]

    def _written(self, _connection: Connection, value: bytes) -> None:
        for piece in self._requests.feed(bytes(value)):
            if isinstance(piece, Discarded):
                continue
            if viatom.Packet.from_bytes(piece).command != viatom.LIVE:
                continue
            live = viatom.LiveValues(
                self.whole("spo2"),
                self.whole("pulse_rate"),
                self.battery_percent,
                motion=0,
                perfusion_index=self.real("perfusion_index") or 0.0,
                worn=not self.probe_off,
            )
            reply = bytes(viatom.Packet(viatom.REPLY, viatom.LIVE, 0, bytes(live)))
            for at in range(0, len(reply), SMALLEST_MTU_VALUE):
                self.notify(self._notify_characteristic, reply[at : at + SMALLEST_MTU_VALUE])

    async def run(self) -> None:
        await asyncio.Event().wait()


class Jumper(VendorOximeter):
    """A JPD-500F: values once a second, a waveform between them."""

    kind = "jumper"
    title = "My Oximeter"
    model = "JPD-500F"
    maker = "Jumper"
    advertised = (jumper.SERVICE,)

    def services(self) -> list[Service]:
        self._values = self.notifier(jumper.NOTIFY)
        return [Service(jumper.SERVICE, [self._values])]

    async def run(self) -> None:
        while True:
            await self.wait_subscribed(self._values)
            await asyncio.sleep(1.0)
            wave = bytes([jumper.WAVEFORM, *(self.random.randrange(100) for _ in range(10))])
            self.notify(self._values, wave)
            values = jumper.JumperValues(
                self.whole("pulse_rate"), self.whole("spo2"), self.real("perfusion_index") or 0.0
            )
            self.notify(self._values, bytes(values))


class BerryMed(VendorOximeter):
    """A BM1000: the BCI stream at 100 Hz; frames straddle notifications with ``straddle``."""

    kind = "berrymed"
    title = "BerryMed"
    model = "BM1000"
    maker = "Shanghai Berry"
    advertised = (berrymed.SERVICE,)
    mtu = 23

    def services(self) -> list[Service]:
        self._wave = OximeterWave(self.source, berrymed.FS)
        self._stream = self.notifier(berrymed.NOTIFY)
        return [Service(berrymed.SERVICE, [self._stream])]

    async def run(self) -> None:
        rest = b"\x01" if self.options.get("straddle") else b""
        while True:
            await self.wait_subscribed(self._stream)
            await asyncio.sleep(BERRY_TICK_S)
            data = rest + b"".join(self._frames())
            while len(data) >= SMALLEST_MTU_VALUE:
                self.notify(self._stream, data[:SMALLEST_MTU_VALUE])
                data = data[SMALLEST_MTU_VALUE:]
            rest = data

    def _frames(self) -> list[bytes]:
        pulse, spo2 = self.whole("pulse_rate"), self.whole("spo2")
        return [
            bytes(
                BciFrame(
                    0 if self.probe_off else height,
                    pulse,
                    spo2,
                    bar=height * 15 // 127,
                    beep=beep,
                    flag_5=self.probe_off,
                )
            )
            for height, beep in self._wave.due(self.clock.now_s())
        ]


class NoninBle(VendorOximeter):
    """A 3230: one value a second, counted; wants a bond with ``secure``."""

    kind = "nonin-ble"
    title = "Nonin3230"
    model = "3230"
    maker = "Nonin"
    advertised = (nonin_ble.SERVICE,)
    has_battery = False

    def services(self) -> list[Service]:
        self._values = self.notifier(nonin_ble.NOTIFY)
        return [Service(nonin_ble.SERVICE, [self._values])]

    async def run(self) -> None:
        counter = 0
        while True:
            await self.wait_subscribed(self._values)
            await asyncio.sleep(1.0)
            counter = (counter + 1) & 0xFFFF
            status = published.NONIN_CORRECT_CHECK
            if self.battery_percent <= 15:
                status |= published.NONIN_LOW_BATTERY
            values = nonin_ble.NoninValues(
                self.whole("spo2"),
                self.whole("pulse_rate"),
                self.real("perfusion_index") or 0.0,
                counter,
                FULL_BATTERY_V * (0.7 + 0.3 * self.battery_percent / 100),
                status,
            )
            self.notify(self._values, bytes(values))
