"""Pulse arrival time: from the R peak of the ECG to the steepest rise of the pulse it made.

Both marks must carry times of one clock: PPG and ECG of one device, or of devices whose times the
gateway has aligned. Not a blood pressure: it moves with it, with the vessels and with the posture.
"""

from collections import deque
from statistics import median

from teleward_signal.model import Measurement, Source

SHORTEST_MS, LONGEST_MS = 60.0, 800.0
"""A pulse reaches a finger 0.1 to 0.5 s after R; monitors add up to 0.3 s of their own."""
HISTORY = 8
"""Beats over which the median is taken."""
SPREAD_MS = 40.0
"""Median deviation above which the value is withheld: marks are missed, or clocks drift."""


class ArrivalTime:
    """Pairs R peaks with pulses of one subject; constant in size."""

    def __init__(self) -> None:
        """Begin without a beat."""
        self._beats_ns: deque[int] = deque(maxlen=4)
        self._delays_ms: deque[float] = deque(maxlen=HISTORY)

    def beat(self, time_ns: int) -> None:
        """Note an R peak."""
        self._beats_ns.append(time_ns)

    def pulse(self, time_ns: int) -> Measurement | None:
        """Take a pulse; return the arrival time in ms once half the history is there.

        Marks may be known late but come in order; a pulse pairs with the latest R peak that is
        old enough. The value is the median of the last eight; withheld when they scatter.
        """
        for beat_ns in reversed(self._beats_ns):
            delay_ms = (time_ns - beat_ns) / 1e6
            if delay_ms >= SHORTEST_MS:
                if delay_ms <= LONGEST_MS:
                    self._delays_ms.append(delay_ms)
                break
        if len(self._delays_ms) < HISTORY // 2:
            return None
        usual = median(self._delays_ms)
        scatter = median(abs(delay - usual) for delay in self._delays_ms)
        quality = max(0.0, 1.0 - scatter / SPREAD_MS)
        withheld = scatter > SPREAD_MS
        return Measurement(
            "pulse_arrival_time",
            None if withheld else usual,
            "scattered" if withheld else None,
            quality,
            Source.DERIVED,
            time_ns,
        )
