"""What the engines of devices that speak by themselves have in common."""

from teleward_simulators.source import VitalSource


class PlainEngine:
    """Body, battery and whole numbers; a subclass gives `tick`."""

    def __init__(self, source: VitalSource) -> None:
        self.source = source
        self.probe_off = False
        self.battery_percent = 90

    def connected(self, now_s: float) -> list[bytes]:
        """Restart; the device sends nothing by itself."""
        return []

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """Take what the host wrote; the device does not listen."""
        return []

    def set_probe(self, off: bool) -> None:
        """Take the sensor off the body or put it back."""
        self.probe_off = off

    def set_battery(self, percent: int) -> None:
        """Set the charge."""
        self.battery_percent = percent

    def whole(self, metric: str, now_s: float) -> int | None:
        """Return a value rounded, ``None`` when there is none."""
        value = self.real(metric, now_s)
        return None if value is None else round(value)

    def real(self, metric: str, now_s: float) -> float | None:
        """Return a value, ``None`` when there is none."""
        return None if self.probe_off else self.source.numeric(metric, now_s)


class Every:
    """Counts how often something came due since the last call, ``period_s`` apart."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._last: int | None = None

    def due(self, now_s: float) -> int:
        """Return how many periods have begun since the last call; 0 at the first."""
        number = int(now_s / self._period_s)
        before, self._last = self._last, number
        return 0 if before is None else min(number - before, 10)
