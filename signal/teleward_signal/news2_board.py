"""NEWS2 of every subject, from the values that are shown; scored when they change or age."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from teleward_signal.model import Measurement
from teleward_signal.news2 import MONITORED_S, PARAMETERS, News2, news2, of_child
from teleward_signal.timeline import SECOND_NS, Instant, Timeline

REPEAT_S = 60.0
"""An unchanged score is recorded once a minute, so that a trend has no holes."""

_INPUTS = frozenset(PARAMETERS) | {"heart_rate", "pulse_rate", "spo2_scale"}


@dataclass(slots=True)
class _Input:
    """The newest observation of one metric, ``observed_ns`` on the board's timeline."""

    measurement: Measurement
    observed_ns: int
    source: str


@dataclass(slots=True)
class _Subject:
    applies: bool = True
    years: float | None = None
    inputs: dict[str, _Input] = field(default_factory=dict)
    reported: News2 | None = None
    reported_ns: int = 0


class ScoreBoard:
    """Keeps the newest inputs of each subject and decides when a score is reported.

    ``on_score(subject, score, now_ns)`` is called from `tick`. The newest observation wins by its
    own time; how old it is counts in monotonic time. ``failed`` holds the subjects whose last
    scoring raised, with the error: the others were scored.
    """

    def __init__(self, on_score: Callable[[str, News2, int], None]) -> None:
        self._on_score = on_score
        self._subjects: dict[str, _Subject] = {}
        self._timeline = Timeline()
        self.failed: dict[str, Exception] = {}

    def update(
        self,
        subject: str,
        measurement: Measurement,
        now_ns: int | None = None,
        monotonic_ns: int | None = None,
        source: str = "",
    ) -> None:
        """Take a value in; older ones, memories and metrics that NEWS2 does not use are ignored."""
        if measurement.metric not in _INPUTS or measurement.stored:
            return
        if now_ns is not None:
            self._timeline.at(now_ns, monotonic_ns)
        observed_ns = self._timeline.observed_ns(measurement.time_ns)
        inputs = self._subjects.setdefault(subject, _Subject()).inputs
        known = inputs.get(measurement.metric)
        if known is None or observed_ns >= known.observed_ns:
            inputs[measurement.metric] = _Input(measurement, observed_ns, source)

    def set_applies(self, subject: str, applies: bool, years: float | None = None) -> None:
        """Note whether a subject is scored: the score is not for people under 16.

        ``years``: the age, for the points of a child.
        """
        person = self._subjects.setdefault(subject, _Subject())
        person.applies, person.years = applies, years

    def release(self, subject: str, source: str) -> None:
        """Drop the monitored values of a sensor that was taken off; charted ones stand."""
        person = self._subjects.get(subject)
        for metric, known in list(person.inputs.items() if person else ()):
            if known.source == source and known.measurement.valid_s <= MONITORED_S:
                del self._subjects[subject].inputs[metric]

    def forget(self, subject: str) -> None:
        """Drop a subject who left."""
        self._subjects.pop(subject, None)

    def inputs(self, subject: str) -> dict[str, Measurement]:
        """Return the newest inputs of a subject by metric."""
        person = self._subjects.get(subject)
        return {m: known.measurement for m, known in person.inputs.items()} if person else {}

    def tick(self, now_ns: int, monotonic_ns: int | None = None) -> None:
        """Score everybody; call about once a second."""
        at = self._timeline.at(now_ns, monotonic_ns)
        self.failed.clear()
        for subject, person in list(self._subjects.items()):
            try:
                self._score(subject, person, at)
            except Exception as error:
                self.failed[subject] = error

    def _score(self, subject: str, person: _Subject, at: Instant) -> None:
        aged = {
            metric: replace(known.measurement, time_ns=at.now_ns - at.clock_ns + known.observed_ns)
            for metric, known in person.inputs.items()
        }
        now_ns = at.now_ns
        score = news2(aged, now_ns) if person.applies else of_child(aged, person.years, now_ns)
        is_due = at.clock_ns - person.reported_ns >= REPEAT_S * SECOND_NS
        if person.reported is None or is_due or _differs(person.reported, score):
            person.reported, person.reported_ns = score, at.clock_ns
            self._on_score(subject, score, at.now_ns)


def _differs(before: News2, after: News2) -> bool:
    """Return whether anything but the scored values themselves changed."""
    return _without_values(before) != _without_values(after)


def _without_values(score: News2) -> News2:
    child = score.pews and replace(score.pews, values={})
    return replace(score, values={}, pews=child)
