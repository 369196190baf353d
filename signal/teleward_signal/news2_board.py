"""NEWS2 of every subject, from the values that are shown; scored when they change or age."""

from collections.abc import Callable
from dataclasses import replace

from teleward_signal.model import Measurement
from teleward_signal.news2 import PARAMETERS, News2, news2

REPEAT_S = 60.0
"""An unchanged score is recorded once a minute, so that a trend has no holes."""

_INPUTS = frozenset(PARAMETERS) | {"heart_rate", "pulse_rate", "spo2_scale"}


class ScoreBoard:
    """NEWS2 board: keeps the newest inputs of each subject and decides when to publish a score.

    ``on_score(subject, score)`` is called from `tick`.
    """

    def __init__(self, on_score: Callable[[str, News2, int], None]) -> None:
        self._on_score = on_score
        self._inputs: dict[str, dict[str, Measurement]] = {}
        self._published: dict[str, tuple[News2, int]] = {}

    def update(self, subject: str, measurement: Measurement) -> None:
        """Take a displayed value in; metrics that NEWS2 does not use are ignored."""
        if measurement.metric in _INPUTS:
            self._inputs.setdefault(subject, {})[measurement.metric] = measurement

    def forget(self, subject: str) -> None:
        """Drop a subject who left."""
        self._inputs.pop(subject, None)
        self._published.pop(subject, None)

    def inputs(self, subject: str) -> dict[str, Measurement]:
        """Return the newest inputs of a subject by metric."""
        return dict(self._inputs.get(subject, {}))

    def tick(self, now_ns: int) -> None:
        """Score everybody; call about once a second."""
        for subject, inputs in self._inputs.items():
            score = news2(inputs, now_ns)
            published = self._published.get(subject)
            if (
                published is None
                or _differs(published[0], score)
                or now_ns - published[1] >= REPEAT_S * 1e9
            ):
                self._published[subject] = (score, now_ns)
                self._on_score(subject, score, now_ns)


def _differs(before: News2, after: News2) -> bool:
    """Return whether anything but the scored values themselves changed."""
    return replace(before, values={}) != replace(after, values={})
