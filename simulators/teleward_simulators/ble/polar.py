"""A Polar H10: Heart Rate service, and ECG at 130 Hz and acceleration over Measurement Data.

subscribe 81 (indicate), 82 --> read 81 --> 01 stream --> settings --> 02 stream --> frames
a write before the control point is subscribed --> ATT 0xFD       streams end with the link
"""

import asyncio
import time

import numpy as np
from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.ble import polar_pmd as codec
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.ble.peripheral import Properties, refusal
from teleward_simulators.ble.record_access import CCCD_IMPROPERLY_CONFIGURED
from teleward_simulators.device_clock import SampleStream, native_rate

EPOCH_2000_NS = 946_684_800_000_000_000
"""Polar's time counts from 2000-01-01."""
TICK_S = 0.25
SAMPLES_A_FRAME = {codec.Stream.ECG: 73, codec.Stream.ACC: 36}
"""As the real strap fills its 229 bytes."""
SETTINGS: dict[int, codec.Settings] = {
    codec.Stream.ECG: {codec.Setting.RATE: (130,), codec.Setting.RESOLUTION: (14,)},
    codec.Stream.ACC: {
        codec.Setting.RATE: (50, 100, 200),
        codec.Setting.RESOLUTION: (16,),
        codec.Setting.RANGE: (2, 4, 8),
    },
}
BAD_STREAM, ALREADY, BAD_OP = 2, 6, 1
UPRIGHT_MG = (0, 0, 1000)


class Polar(HeartRate):
    """Options of the chest strap; ``lead`` (ecg_i) is the ECG of the patient that is sent."""

    kind = "polar-h10"
    title = "Polar H10"
    model = "H10"
    maker = "Polar Electro Oy"
    advertised = (*HeartRate.advertised, codec.SERVICE)

    settings: dict[int, codec.Settings] = SETTINGS

    def services(self) -> list[Service]:
        self._control_point = self.writable(
            codec.CONTROL,
            self._controlled,
            Properties.WRITE | Properties.INDICATE,
            read=lambda _: codec.feature_bytes(self.settings),
        )
        self._data = self.notifier(codec.DATA)
        self._running: dict[int, int] = {}
        self._held: list[int] = []
        self._expected = 0
        self._origin_ns = time.time_ns() - EPOCH_2000_NS - int(self.clock.now_s() * 1e9)
        offered = self.source.metrics()
        wanted = str(self.options.get("lead", "ecg_i"))
        lead = wanted if wanted in offered else "ecg_ii"
        fs = native_rate(self.source, lead, 130.0) if lead in offered else 130.0
        self._ecg = SampleStream(self.source, lead, fs) if lead in offered else None
        return [Service(codec.SERVICE, [self._control_point, self._data]), *super().services()]

    def _controlled(self, _connection: Connection, value: bytes) -> None:
        if not self.subscribed(self._control_point):
            raise refusal(CCCD_IMPROPERLY_CONFIGURED)
        request = codec.ControlRequest.from_bytes(bytes(value))
        reply = codec.ControlReply(request.op, request.stream, self._obey(request))
        if request.op == codec.Op.SETTINGS and reply.status == 0:
            offered = self.settings[request.stream]
            reply = codec.ControlReply(request.op, request.stream, 0, offered)
        self.spawn(self._indicate(bytes(reply)))

    async def _indicate(self, value: bytes) -> None:
        await self.indicate(self._control_point, value)

    def _obey(self, request: codec.ControlRequest) -> int:
        if request.stream not in self.settings:
            return BAD_STREAM
        if request.op == codec.Op.START:
            if request.stream in self._running:
                return ALREADY
            rate = request.settings.get(codec.Setting.RATE, (0,))[0]
            self._running[request.stream] = rate or self.settings[request.stream][0][0]
            self.begin(request.stream)
        elif request.op == codec.Op.STOP:
            self._running.pop(request.stream, None)
        elif request.op != codec.Op.SETTINGS:
            return BAD_OP
        return 0

    def begin(self, stream: int) -> None:
        """Begin a stream with the next sample."""
        if stream == codec.Stream.ECG and self._ecg is not None:
            self._ecg.restart(self.clock.now_s())
            self._held.clear()
        self._acc_at = self.clock.now_s()

    def on_disconnected(self) -> None:
        self._running.clear()

    async def run(self) -> None:
        strap = asyncio.create_task(super().run())
        try:
            while True:
                await asyncio.sleep(TICK_S)
                self.send_due()
        finally:
            strap.cancel()

    def send_due(self) -> None:
        """Send the frames that are full."""
        if codec.Stream.ECG in self._running:
            self._send_ecg()
        if codec.Stream.ACC in self._running:
            self._send_acceleration()

    def _send_ecg(self) -> None:
        if self._ecg is None:
            return
        for first, counts in self._ecg.due(self.clock.now_s()):
            if first != self._expected:
                self._held.clear()
            self._expected = first + len(counts)
            microvolts = np.rint(counts * self._ecg.scale * 1000).astype(np.int64)
            self._held += microvolts.tolist()
            end = first + len(counts)
            size = SAMPLES_A_FRAME[codec.Stream.ECG]
            while len(self._held) >= size:
                last = end - len(self._held) + size - 1
                rows = [[value] for value in self._held[:size]]
                del self._held[:size]
                self._send(codec.Stream.ECG, last / self._ecg.fs, rows)

    def _send_acceleration(self) -> None:
        rate = self._running[codec.Stream.ACC]
        size = SAMPLES_A_FRAME[codec.Stream.ACC]
        while (self.clock.now_s() - self._acc_at) * rate >= size:
            self._acc_at += size / rate
            rows = [[v + self.random.randrange(-8, 9) for v in UPRIGHT_MG] for _ in range(size)]
            self._send(codec.Stream.ACC, self._acc_at, rows)

    def _send(self, stream: int, device_s: float, rows: list[list[int]]) -> None:
        self.notify(self._data, codec.data_frame(stream, self.stamp_ns(device_s), rows))

    def stamp_ns(self, device_s: float) -> int:
        """Return the device's time in ns since 2000 at its second ``device_s``."""
        return self._origin_ns + int(device_s * 1e9)
