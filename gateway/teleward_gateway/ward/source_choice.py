"""Which of several sources of one metric is shown: the best one that still delivers.

A patient may wear an ECG patch and a heart-rate strap; both are recorded, one is displayed,
scored and alarmed, and it must not flip between the two. Rules:

    1. a value counted by this gateway from a waveform beats one that a device reports,
       because its quality is known; a manual value beats a device's; but an oximeter beats an
       SpO2 made here from raw light with a curve of no published accuracy
    2. the source in use stays until it has been silent or withheld for `HANDOVER_S`
    3. then the best source that has a value takes over; at once, where the one in use was released
    4. a back-dated value is history: it never takes the place of a newer one

Of two devices that send the same waveform, the first keeps it by rule 2. Silence counts in
monotonic time; UTC only says how old a value was when it came in.
"""

from dataclasses import dataclass

from teleward_signal.model import Measurement, Source
from teleward_signal.timeline import SECOND_NS, Timeline

HANDOVER_S = 10.0
"""Two missed values at the usual validity of 5 s; less would flip at each lost second."""
_HANDOVER_NS = round(HANDOVER_S * SECOND_NS)

_RANK = {Source.DERIVED: 0, Source.MANUAL: 1, Source.DEVICE: 2}
_LAST = 3
ECG = "ecg"
"""Which lead of an ECG is analysed is a choice of its own: its source is a lead, not a device."""


@dataclass(slots=True)
class _Choice:
    device: str
    rank: int
    value_ns: int
    observed_ns: int


class SourceChoice:
    """Chooses per subject and metric; constant in size for a given set of devices."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        self._chosen: dict[tuple[str, str], _Choice] = {}
        self._waves: dict[tuple[str, str], tuple[str, int]] = {}
        self._released: dict[tuple[str, str], int] = {}

    def accepts(
        self,
        subject: str,
        device: str,
        measurement: Measurement,
        now_ns: int,
        monotonic_ns: int | None = None,
    ) -> bool:
        """Return whether ``measurement`` of ``device`` is the one to show for ``subject``."""
        clock_ns = self._timeline.at(now_ns, monotonic_ns).clock_ns
        observed_ns = self._timeline.observed_ns(measurement.time_ns)
        key = (subject, measurement.metric)
        derived_spo2 = measurement.metric == "spo2" and measurement.source is Source.DERIVED
        rank = _LAST if derived_spo2 else _RANK[measurement.source]
        chosen = self._chosen.get(key)
        has_value = measurement.value is not None
        value_ns = clock_ns if has_value else clock_ns - _HANDOVER_NS - 1
        if chosen is None:
            self._chosen[key] = _Choice(device, rank, value_ns, observed_ns)
            return True
        if observed_ns < chosen.observed_ns - _HANDOVER_NS:
            return False
        if (chosen.device, chosen.rank) == (device, rank):
            chosen.observed_ns = max(chosen.observed_ns, observed_ns)
            if has_value:
                chosen.value_ns = clock_ns
            return True
        silent = clock_ns - chosen.value_ns > _HANDOVER_NS
        if has_value and (silent or rank < chosen.rank):
            self._chosen[key] = _Choice(device, rank, value_ns, observed_ns)
            return True
        return False

    def accepts_wave(
        self,
        subject: str,
        device: str,
        metric: str,
        now_ns: int,
        monotonic_ns: int | None = None,
    ) -> bool:
        """Return whether the samples of ``device`` are the ones to show and to analyse."""
        clock_ns = self._timeline.at(now_ns, monotonic_ns).clock_ns
        key = (subject, metric)
        chosen = self._waves.get(key)
        if chosen is not None and chosen[0] != device and clock_ns - chosen[1] <= _HANDOVER_NS:
            return False
        self._waves[key] = (device, clock_ns)
        return True

    def source(self, subject: str, metric: str) -> str | None:
        """Return whose values of ``metric`` are shown: a device, else what made them."""
        chosen = self._chosen.get((subject, metric))
        return chosen.device if chosen else None

    def wave_source(self, subject: str, metric: str) -> str | None:
        """Return the device whose samples of ``metric`` are analysed."""
        chosen = self._waves.get((subject, metric))
        return chosen[0] if chosen else None

    def was_released(self, subject: str, metric: str) -> bool:
        """Return whether the source of a waveform was taken off a moment ago.

        What was derived from its last samples is still under way then.
        """
        clock_ns = self._timeline.clock_ns
        at_ns = self._released.get((subject, metric))
        return at_ns is not None and clock_ns - at_ns < _HANDOVER_NS

    def release(self, subject: str, device: str) -> None:
        """Drop every choice of a device that was taken off: another takes over at once."""
        clock_ns = self._timeline.clock_ns
        for key, choice in list(self._chosen.items()):
            if key[0] == subject and choice.device == device:
                del self._chosen[key]
        lead = self._waves.get((subject, ECG), ("", 0))[0]
        if self.wave_source(subject, lead) == device:
            self._waves.pop((subject, ECG), None)
            self._released[subject, ECG] = clock_ns
        for key, chosen in list(self._waves.items()):
            if key[0] == subject and chosen[0] == device:
                del self._waves[key]
                self._released[key] = clock_ns

    def forget(self, subject: str) -> None:
        """Drop what is known of a subject who left."""
        for key in [key for key in self._chosen if key[0] == subject]:
            del self._chosen[key]
        for key in [key for key in self._waves if key[0] == subject]:
            del self._waves[key]
        for key in [key for key in self._released if key[0] == subject]:
            del self._released[key]
