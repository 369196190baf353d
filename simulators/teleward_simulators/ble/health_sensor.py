"""A Generic Health Sensor, 0x1840: SpO2 and pulse rate as compound observations, in segments."""

import asyncio
import time

from bumble.device import Connection
from bumble.gatt import Service

from teleward_drivers.ble import health_sensor as codec
from teleward_drivers.medfloat import MedFloat
from teleward_simulators.ble.peripheral import Peripheral, refusal

METRICS = ("spo2", "pulse_rate")
PULSE_OXIMETRY = 528388
"""MDC_DEV_SPEC_PROFILE_PULS_OXIM."""
SEGMENT = 20
"""The smallest MTU's worth, so that observations come in pieces."""
REQUEST_REJECTED = 0x80


class HealthSensor(Peripheral):
    """Sends once a second after the start command on its control point."""

    kind = "health-sensor"
    title = "Health sensor"
    model = "Generic health sensor"
    advertised = (codec.SERVICE,)

    def services(self) -> list[Service]:
        self._running = False
        self._observations = self.notifier(codec.LIVE)
        control = self.writable(codec.CONTROL, self._controlled)
        return [Service(codec.SERVICE, [self._observations, control])]

    def _controlled(self, _connection: Connection, value: bytes) -> None:
        if bytes(value) not in (codec.START_LIVE, b"\x02"):
            raise refusal(REQUEST_REJECTED)
        self._running = bytes(value) == codec.START_LIVE

    def on_disconnected(self) -> None:
        self._running = False

    async def run(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self._running and self.subscribed(self._observations):
                for segment in codec.segments(bytes(self._observe()), SEGMENT):
                    self.notify(self._observations, segment)

    def _observe(self) -> codec.Observation:
        now_s = self.clock.now_s()
        values = []
        for metric in METRICS:
            value = None if self.probe_off else self.source.numeric(metric, now_s)
            code, unit = codec.MDC_OF_METRIC[metric], codec.UNITS[metric] & 0xFFFF
            values.append((code, unit, MedFloat.of(value, -1)))
        count = (time.time_ns() - codec.EPOCH_2000_NS) // 1_000_000_000
        stamp = bytes([0x02]) + count.to_bytes(6, "little") + bytes([1, 0])
        return codec.Observation(tuple(values), PULSE_OXIMETRY, stamp)
