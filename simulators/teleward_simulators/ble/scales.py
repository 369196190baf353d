"""A weighing scale (0x181D) and one that measures fat too (0x181B): step on, and it indicates."""

from typing import Any

from bumble.gatt import Characteristic, Service

from teleward_drivers.ble import body_composition
from teleward_drivers.ble import weight_scale as codec
from teleward_simulators.ble.calendar_clock import CalendarClock
from teleward_simulators.ble.on_demand import OnDemand
from teleward_simulators.ble.peripheral import uuid16

WEIGHT_FEATURE, BODY_FEATURE = uuid16(0x2A9E), uuid16(0x2A9B)
USUAL = {"body_weight": 70.0, "body_height": 1.75, "body_fat": 21.0}
"""kg, m and %, when the patient has none of their own: a grown person of middle size."""
STEP_ON_S = 3.0
"""From subscribing to the first reading: the time to step on a scale."""


class WeightScale(OnDemand):
    """Options: ``first_s``, ``interval_s`` (0: once), ``imperial``, ``user``, ``calendar``."""

    kind = "weight-scale"
    title = "Scale"
    model = "Bathroom scale"
    advertised: tuple[str, ...] = (codec.SERVICE,)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.calendar = CalendarClock(self.options.get("calendar", "right"))

    def services(self) -> list[Service]:
        self._weight = self.indicator(codec.MEASUREMENT)
        feature = self.readable(WEIGHT_FEATURE, (0x0D).to_bytes(4, "little"))
        return [Service(codec.SERVICE, [self._weight, feature]), self.calendar.service(self)]

    async def run(self) -> None:
        wait_s = float(self.options.get("first_s", STEP_ON_S))
        while True:
            await self.wait_subscribed(self._weight)
            await self.wait_pressed(wait_s or None)
            await self.weigh()
            wait_s = float(self.options.get("interval_s", 0.0))

    async def weigh(self) -> None:
        """Indicate one reading."""
        await self.indicate(self._weight, bytes(self._weight_reading()))

    def value(self, metric: str) -> float:
        """Return the patient's value or a usual one."""
        return self.source.numeric(metric, self.clock.now_s()) or USUAL[metric]

    def _weight_reading(self) -> codec.WeightMeasurement:
        imperial = bool(self.options.get("imperial", False))
        user = self.options.get("user")
        return codec.WeightMeasurement(
            None
            if self.probe_off
            else round(self.value("body_weight") / (codec.LB if imperial else codec.KG)),
            imperial,
            self.calendar.now(),
            None if user is None else int(user),
        )


class BodyCompositionScale(WeightScale):
    """As the scale; ``split`` sends one reading in two indications."""

    kind = "body-composition"
    title = "Body scale"
    model = "Body composition scale"
    advertised = (body_composition.SERVICE, codec.SERVICE)

    def services(self) -> list[Service]:
        self._body: Characteristic[bytes] = self.indicator(body_composition.MEASUREMENT)
        feature = self.readable(BODY_FEATURE, (0x0C06).to_bytes(4, "little"))
        return [Service(body_composition.SERVICE, [self._body, feature]), *super().services()]

    async def weigh(self) -> None:
        await super().weigh()
        for reading in self._readings():
            await self.indicate(self._body, bytes(reading))

    def _readings(self) -> list[body_composition.BodyComposition]:
        fat = None if self.probe_off else round(self.value("body_fat") * 10)
        stamp = self.calendar.now()
        values = {
            "weight": round(self.value("body_weight") / codec.KG),
            "height": round(self.value("body_height") / codec.METRE),
        }
        more = {"impedance_tenth_ohm": 5120, "muscle_tenth_percent": 420}
        if not self.options.get("split"):
            return [body_composition.BodyComposition(fat, False, stamp, values={**more, **values})]
        first = body_composition.BodyComposition(fat, False, stamp, values=more, more_follows=True)
        return [first, body_composition.BodyComposition(fat, values=values)]
