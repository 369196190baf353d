"""A finger oximeter: Pulse Oximeter service 0x1822, continuous readings once a second."""

import asyncio

from bumble.gatt import Service

from teleward_drivers.ble import pulse_oximeter as codec
from teleward_drivers.medfloat import MedFloat
from teleward_simulators.ble import published
from teleward_simulators.ble.peripheral import Peripheral

NOTIFY_S = 1.0
"""The service asks for "typically once per second"."""
SEARCH_S = 4.0
"""After the finger goes in, an oximeter averages about four seconds before it is sure."""


class PulseOximeter(Peripheral):
    """Options: ``pairs`` (send fast and slow averages too), ``plain`` (values only)."""

    kind = "pulse-oximeter"
    title = "Oximeter"
    model = "Finger oximeter"
    advertised = (codec.SERVICE,)

    def services(self) -> list[Service]:
        self._continuous = self.notifier(codec.CONTINUOUS)
        self._on_s = self.clock.now_s() - SEARCH_S
        return [
            Service(
                codec.SERVICE, [self._continuous, self.readable(codec.FEATURES, self._features())]
            )
        ]

    def _features(self) -> bytes:
        """Measurement status, sensor status and perfusion index; fast and slow pairs on request."""
        bits = 0x0043 | (0x0030 if self.options.get("pairs") else 0)
        measurement = published.ONGOING | published.EARLY_ESTIMATE
        sensor = published.UNCONNECTED | published.LOW_PERFUSION
        return (
            bits.to_bytes(2, "little")
            + measurement.to_bytes(2, "little")
            + sensor.to_bytes(3, "little")
        )

    def set_probe(self, off: bool) -> None:
        if self.probe_off and not off:
            self._on_s = self.clock.now_s()
        super().set_probe(off)

    async def run(self) -> None:
        while True:
            await self.wait_subscribed(self._continuous)
            while self.subscribed(self._continuous):
                await asyncio.sleep(NOTIFY_S)
                self.notify(self._continuous, bytes(self._measure(self.clock.now_s())))

    def _measure(self, now_s: float) -> codec.ContinuousMeasurement:
        spo2, pulse = (self._value(metric, now_s) for metric in ("spo2", "pulse_rate"))
        pair = (MedFloat.of(spo2), MedFloat.of(pulse))
        if self.options.get("plain"):
            return codec.ContinuousMeasurement(pair)
        status, sensor = published.ONGOING, 0
        if self.probe_off:
            sensor |= published.UNCONNECTED
        elif now_s - self._on_s < SEARCH_S:
            status |= published.EARLY_ESTIMATE
        perfusion = self._value("perfusion_index", now_s)
        if perfusion is not None and perfusion < 0.4:
            sensor |= published.LOW_PERFUSION
        both = bool(self.options.get("pairs"))
        return codec.ContinuousMeasurement(
            pair,
            fast=pair if both else None,
            slow=pair if both else None,
            status=status,
            sensor=sensor,
            perfusion_index=MedFloat.of(perfusion, -1),
        )

    def _value(self, metric: str, now_s: float) -> float | None:
        return None if self.probe_off else self.source.numeric(metric, now_s)
