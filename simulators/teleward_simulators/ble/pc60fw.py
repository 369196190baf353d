"""A PC-60FW: values once a second and a pleth at 50 Hz over a UART service, unasked.

finger in --> searching (SpO2 and pulse 0, flat pleth) --> values
Frames are those of the captures in `tests/golden/pc60fw.hex`, with the numbers replaced.
"""

import asyncio

from bumble.gatt import Service

from teleward_drivers.crc import crc8_maxim
from teleward_simulators.ble.vendor_oximeters import VendorOximeter
from teleward_simulators.wired.oximeter_wave import OximeterWave

SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
NOTIFY = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
WRITE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
VALUES = bytes.fromhex("aa550f08015f55005700c0")
PLETH = bytes.fromhex("aa550f07025a57d24c45")
STATUS = bytes.fromhex("aa550f062102000000")
BATTERY = bytes.fromhex("aa55f00303")
"""Captured frames without their checksum; the battery's is made after the layout."""
PLETH_HZ = 50
N_SAMPLES = 5
SEARCH_S = 3.0
TICK_S = 0.1


class Pc60fw(VendorOximeter):
    """Options: ``cut`` (every notification is cut in two), ``glue`` (two frames in one)."""

    kind = "pc60fw"
    title = "PC-60F_SN"
    model = "PC-60FW"
    maker = "Viatom"
    advertised = (SERVICE,)
    has_battery = False

    def services(self) -> list[Service]:
        self._wave = OximeterWave(self.source, PLETH_HZ)
        self._stream = self.notifier(NOTIFY)
        self._heights: list[int] = []
        self._held = b""
        return [Service(SERVICE, [self._stream, self.writable(WRITE, lambda *_: None)])]

    async def run(self) -> None:
        second, on_s = 0, self.clock.now_s()
        while True:
            await self.wait_subscribed(self._stream)
            await asyncio.sleep(TICK_S)
            now_s = self.clock.now_s()
            if self.probe_off:
                on_s = now_s
            self._send_pleth(now_s)
            if int(now_s) != second:
                second = int(now_s)
                self._send_values(now_s - on_s < SEARCH_S)

    def _send_pleth(self, now_s: float) -> None:
        for height, beat in self._wave.due(now_s):
            self._heights.append(0 if self.probe_off else height | 0x80 * beat)
        while len(self._heights) >= N_SAMPLES:
            self._send(PLETH[:5] + bytes(self._heights[:N_SAMPLES]))
            del self._heights[:N_SAMPLES]

    def _send_values(self, searching: bool) -> None:
        spo2, pulse = (0, 0) if searching else (self.whole("spo2"), self.whole("pulse_rate"))
        index = 0 if searching else round((self.real("perfusion_index") or 0.0) * 10)
        numbers = bytes([spo2 or 0]) + (pulse or 0).to_bytes(2, "little") + bytes([index])
        self._send(VALUES[:5] + numbers + VALUES[9:])
        self._send(STATUS)
        self._send(BATTERY[:5] + bytes([min(3, self.battery_percent // 25)]))

    def _send(self, body: bytes) -> None:
        body = body[:3] + bytes([len(body) - 3]) + body[4:]
        frame = body + bytes([crc8_maxim(body)])
        if self.options.get("cut"):
            self.notify(self._stream, frame[:7])
            self.notify(self._stream, frame[7:])
        elif self.options.get("glue"):
            self._held += frame
            if len(self._held) > len(frame):
                self.notify(self._stream, self._held)
                self._held = b""
        else:
            self.notify(self._stream, frame)
