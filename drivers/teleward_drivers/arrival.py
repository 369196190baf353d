"""What a stream lost by the time of its arrival, for devices that do not count their samples.

    lag = arrival - samples received / fs

    steady          ____________                 a rate that is off bends the line, without a step
    host was busy   ____/\\______                 late, then all at once: nothing is missing
    outage          _______|-----                 the line stays up: samples are missing

A step up counts once the least lag of a whole second stays up; of two seconds before it the least
counts too, so that single late arrivals move nothing.
"""

SURE_NS = 1_000_000_000
"""How long the lag must stay up: a busy host catches up in far less."""
STEP_NS = 400_000_000
"""The least rise that counts: more than the batches of a USB adapter or of BLE."""


class ArrivalWatch:
    """Follows one stream of ``fs`` samples a second; missing samples come in ``quantum`` s."""

    def __init__(self, fs: float, quantum: int = 1) -> None:
        self._period_ns = 1e9 / fs
        self._quantum = quantum
        self._bucket_ns: int | None = None
        self._least: float | None = None
        self._before: float | None = None
        self._last: float | None = None
        self._risen_ns: int | None = None
        self._risen: float = 0.0

    def missing(self, end: int, arrival_ns: int) -> int:
        """Return how many samples are missing, given the number after the last that arrived.

        ``arrival_ns`` is monotonic. What is returned must be added to ``end`` from then on.
        """
        lag = arrival_ns - end * self._period_ns
        usual, last, self._last = self._usual(), self._last, lag
        if usual is None or lag - usual < STEP_NS:
            self._risen_ns = None
            self._note(lag, arrival_ns)
            return 0
        if self._risen_ns is None:
            if last is not None and lag - last < STEP_NS / 2:
                self._note(lag, arrival_ns)  # a slope: the rate is another one
                return 0
            self._risen_ns, self._risen = arrival_ns, lag
            return 0
        self._risen = min(self._risen, lag)
        if arrival_ns - self._risen_ns < SURE_NS:
            return 0
        self._risen_ns = self._last = None
        return self._count(self._risen - usual)

    def at_once(self, end: int, arrival_ns: int) -> int:
        """Return what is missing besides a gap that the device itself counted just now."""
        usual = self._usual()
        if usual is None:
            return 0
        return self._count(arrival_ns - end * self._period_ns - usual)

    def restart(self) -> None:
        """Forget the line: the stream starts again."""
        self._bucket_ns = self._least = self._before = self._last = self._risen_ns = None

    def _usual(self) -> float | None:
        known = [lag for lag in (self._least, self._before) if lag is not None]
        return min(known) if known else None

    def _note(self, lag: float, arrival_ns: int) -> None:
        """Keep the least lag of this second and of the one before."""
        if self._bucket_ns is None or arrival_ns - self._bucket_ns >= SURE_NS:
            self._bucket_ns, self._before, self._least = arrival_ns, self._least, lag
        elif self._least is None or lag < self._least:
            self._least = lag

    def _count(self, rise_ns: float) -> int:
        quanta = round(rise_ns / self._period_ns / self._quantum)
        return max(0, quanta) * self._quantum
