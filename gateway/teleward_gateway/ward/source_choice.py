"""Which of several sources of one metric is shown: the best one that still speaks.

A patient may wear an ECG patch and a heart-rate strap; both are recorded, one is displayed,
scored and alarmed, and it must not flip between the two. Rules:

    1. a value counted by this gateway from a waveform beats one that a device reports,
       because its quality is known; a manual value beats a device's; but an oximeter beats an
       SpO2 made here from raw light with a curve of no published accuracy
    2. the source in use stays until it has been silent or withheld for `HANDOVER_S`
    3. then the best source that has a value takes over

Of two devices that send the same waveform, the first keeps it by rule 2.
"""

from dataclasses import dataclass

from teleward_signal.model import Measurement, Source

HANDOVER_S = 10.0
"""Two missed values at the usual validity of 5 s; less would flip at each lost second."""

_RANK = {Source.DERIVED: 0, Source.MANUAL: 1, Source.DEVICE: 2}
_LAST = 3


@dataclass(slots=True)
class _Choice:
    device: str
    rank: int
    value_ns: int


class SourceChoice:
    """Chooses per subject and metric; constant in size for a given set of devices."""

    def __init__(self) -> None:
        self._chosen: dict[tuple[str, str], _Choice] = {}
        self._waves: dict[tuple[str, str], tuple[str, int]] = {}

    def accepts(self, subject: str, device: str, measurement: Measurement, now_ns: int) -> bool:
        """Return whether ``measurement`` of ``device`` is the one to show for ``subject``."""
        key = (subject, measurement.metric)
        derived_spo2 = measurement.metric == "spo2" and measurement.source is Source.DERIVED
        rank = _LAST if derived_spo2 else _RANK[measurement.source]
        chosen = self._chosen.get(key)
        has_value = measurement.value is not None
        if chosen is None:
            self._chosen[key] = _Choice(device, rank, now_ns if has_value else 0)
            return True
        if (chosen.device, chosen.rank) == (device, rank):
            if has_value:
                chosen.value_ns = now_ns
            return True
        silent = now_ns - chosen.value_ns > HANDOVER_S * 1e9
        if has_value and (silent or rank < chosen.rank):
            self._chosen[key] = _Choice(device, rank, now_ns)
            return True
        return False

    def accepts_wave(self, subject: str, device: str, metric: str, now_ns: int) -> bool:
        """Return whether the samples of ``device`` are the ones to show and to analyse."""
        key = (subject, metric)
        chosen = self._waves.get(key)
        if chosen is not None and chosen[0] != device and now_ns - chosen[1] <= HANDOVER_S * 1e9:
            return False
        self._waves[key] = (device, now_ns)
        return True

    def forget(self, subject: str) -> None:
        """Drop what is known of a subject who left."""
        for key in [key for key in self._chosen if key[0] == subject]:
            del self._chosen[key]
        for key in [key for key in self._waves if key[0] == subject]:
            del self._waves[key]
