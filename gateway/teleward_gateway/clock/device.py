"""A device's clock: its sample counters and its own time of day, mapped to the gateway's UTC.

Pure: arrivals bring the time. Corrections of the gateway's clock reach a stream through the clock
that is handed in; without one the arrival's UTC is taken as it is.
"""

from dataclasses import dataclass, replace

from teleward_drivers.link import Received
from teleward_gateway.clock.gateway_clock import Clock
from teleward_gateway.clock.stream import StreamLine
from teleward_signal.model import Measurement, SampleBlock

EARLIEST_NS = 1_420_070_400_000_000_000  # 2015: an earlier time of day is a clock never set
FUTURE_NS = 86_400_000_000_000  # a day covers every time zone that a device was set to
UNSET_ERROR_NS = 86_400_000_000_000  # a stored reading of a clock never set: some time before now
SET_ERROR_NS = 60_000_000_000  # a device clock set by hand or by its maker's app
TRANSFER_NS = 1_000_000_000  # from the moment measured to the arrival of a live reading


@dataclass(frozen=True, slots=True)
class Coincidence:
    """One moment on two clocks: the device's own and the gateway's (PHD coincident timestamp)."""

    device_time_ns: int
    time_ns: int
    uncertainty_ns: int


class DeviceClock:
    """Stamps what one device sends; one object for one connected stretch or longer."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._lines: dict[str, StreamLine] = {}
        self.coincidence: Coincidence | None = None
        self.gap_samples = 0

    @property
    def drift_ppm(self) -> dict[str, float]:
        """Return how far each stream's rate is from its nominal rate: faster (-), slower (+)."""
        return {metric: line.drift * 1e6 for metric, line in self._lines.items()}

    @property
    def restarts(self) -> int:
        """Return how often a stream's counter began again."""
        return sum(line.restarts for line in self._lines.values())

    def stamp_block(self, block: SampleBlock, received: Received) -> tuple[SampleBlock, int]:
        """Return the block with its time, and how many samples were lost just before it."""
        line = self._lines.get(block.metric)
        if line is None or line.fs != block.fs:
            line = self._lines[block.metric] = StreamLine(block.fs)
        placed = line.place(block.index, len(block.samples), received.monotonic_ns)
        self.gap_samples += placed.gap_samples
        time_ns, uncertainty_ns = self._utc(placed.start_ns, received)
        stamped = replace(block, time_ns=time_ns, uncertainty_ns=uncertainty_ns + placed.spread_ns)
        return stamped, placed.gap_samples

    def stamp_measurement(self, measurement: Measurement, received: Received) -> Measurement:
        """Return the measurement with its time: a stored one's own, else that of its arrival."""
        if measurement.time_ns is not None:
            return measurement
        arrival_ns, error_ns = self._utc(received.monotonic_ns, received)
        if measurement.stored:
            return self._stamp_stored(measurement, arrival_ns, error_ns)
        if measurement.device_time_ns is not None:
            self._coincide(measurement.device_time_ns, arrival_ns, error_ns)
        return replace(measurement, time_ns=arrival_ns, uncertainty_ns=error_ns + TRANSFER_NS)

    def _utc(self, monotonic_ns: int, received: Received) -> tuple[int, int]:
        if self._clock is None:
            return received.time_ns + monotonic_ns - received.monotonic_ns, 0
        stamp = self._clock.at(monotonic_ns)
        return stamp.time_ns, stamp.uncertainty_ns

    def _coincide(self, device_time_ns: int, arrival_ns: int, error_ns: int) -> None:
        """Keep the pair with the least delay, unless the device's clock was set since."""
        known = self.coincidence
        if known is not None:
            ahead_ns = (arrival_ns - device_time_ns) - (known.time_ns - known.device_time_ns)
            if 0 <= ahead_ns < TRANSFER_NS:
                return
        self.coincidence = Coincidence(device_time_ns, arrival_ns, error_ns + TRANSFER_NS)

    def _stamp_stored(
        self, measurement: Measurement, arrival_ns: int, error_ns: int
    ) -> Measurement:
        """Place a reading from a device's memory by its own clock, corrected if it is known."""
        own_ns, known = measurement.device_time_ns, self.coincidence
        if own_ns is None:
            return replace(
                measurement, time_ns=arrival_ns, uncertainty_ns=error_ns + UNSET_ERROR_NS
            )
        if known is not None:
            return replace(
                measurement,
                time_ns=own_ns + known.time_ns - known.device_time_ns,
                uncertainty_ns=known.uncertainty_ns,
                detail={**measurement.detail, "time_base": "gateway"},
            )
        if EARLIEST_NS <= own_ns <= arrival_ns + FUTURE_NS:
            return replace(measurement, time_ns=own_ns, uncertainty_ns=SET_ERROR_NS)
        return replace(measurement, time_ns=arrival_ns, uncertainty_ns=error_ns + UNSET_ERROR_NS)
