"""How the figures of the cards ran: one sample each ten seconds, for the last hour."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

EVERY_S = 10.0
KEPT = 360
POINTS = 60
"""Points of a sparkline: more than its pixels can show is not sent."""

Parts = Mapping[str, Mapping[str, Any]]


class Course:
    """Samples of a few figures of health; ``run`` is its task."""

    def __init__(self, parts: Callable[[], Parts], figures: Mapping[str, tuple[str, str]]) -> None:
        self._parts, self._figures = parts, figures
        self._samples: dict[str, deque[float]] = {name: deque(maxlen=KEPT) for name in figures}

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(EVERY_S)

    def sample(self) -> None:
        """Take one sample of each figure that there is."""
        parts = self._parts()
        for name, (part, key) in self._figures.items():
            value = parts.get(part, {}).get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._samples[name].append(float(value))

    def points(self, name: str) -> list[float]:
        """Return a figure's course, oldest first, thinned to `POINTS`; the newest is kept."""
        samples = list(self._samples.get(name, ()))
        step = -(-len(samples) // POINTS) or 1
        return samples[::-1][::step][::-1]

    def per_day(self, name: str) -> float | None:
        """Return how much a figure grew a day by the last hour; None before ten minutes."""
        samples = list(self._samples.get(name, ()))
        if len(samples) * EVERY_S < 600:
            return None
        return (samples[-1] - samples[0]) / ((len(samples) - 1) * EVERY_S) * 86_400
