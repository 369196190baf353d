"""The alarms of one subject: evidence is judged here, `AlarmBoard` keeps everyone's.

Every condition belongs to the sources that claim it (a device, a stream, the gateway). A source
sets levels: what it claims is present, what it no longer claims is over. Silence and lead off make
a claim *lost*, which is not over; release ends it.

``clock_ns`` is the board's timeline, which never goes back; ``now_ns`` stamps the events.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from teleward_signal.alarms.claims import DIFFERENCE, Claims
from teleward_signal.alarms.condition import Condition
from teleward_signal.alarms.limits import AlarmLimits, Limit, MetricLimits
from teleward_signal.alarms.rates import RATES, difference_percent, fresh_rates
from teleward_signal.alarms.reading import Reading
from teleward_signal.alarms.table import (
    CLOCK_FAULTS,
    OF_GATEWAY,
    RHYTHMS,
    Event,
    State,
    base,
    rhythm_text,
)
from teleward_signal.model import AlarmEvent, AlarmKind, Measurement, Priority
from teleward_signal.timeline import SECOND_NS, Instant
from teleward_signal.vocabulary import METRICS

LEAD_OFF = "lead_off"
LINK_LOST = "link_lost"
MOMENTARY = "pause"
"""The one rhythm that may be reported when it is over already."""


@dataclass(slots=True)
class SubjectAlarms(Claims):
    """Limits, newest readings and conditions of one subject.

    ``seen`` holds when each source of rhythms was last observed, ``unseen`` those that are silent,
    ``linked`` the devices whose link was up.
    """

    readings: dict[str, Reading] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    linked: set[str] = field(default_factory=set)

    # evidence

    def update(
        self,
        measurement: Measurement,
        source: str,
        observed_ns: int,
        at: Instant,
        promised: bool = True,
    ) -> list[AlarmEvent]:
        """Judge a measurement; an older one, or one without a value, is no evidence.

        What nobody ``promised`` may stay away without a technical alarm.
        """
        metric = measurement.metric
        reading = self.readings.get(metric)
        if reading is None:
            reading = Reading(source, observed_ns, at.clock_ns, at.clock_ns, False)
            self.readings[metric] = reading
        elif observed_ns < reading.observed_ns and not reading.restored:
            return []
        reading.promised = promised
        if not reading.take(measurement, source, observed_ns, at, self.limits.no_data_s):
            missing = self.conditions.get(f"no_data:{metric}")
            if missing is not None:
                missing.claims = {source: True}
            return []
        events = self._clear(f"no_data:{metric}", at)
        events += self._judge_metric(metric, at)
        if metric in RATES:
            events += self._judge_difference(at)
        if metric == "heart_rate" and "pulse_rate" in self.readings:
            events += self._judge_metric("pulse_rate", at)
        return events

    def technical(
        self, name: str, active: bool, text: str, source: str, at: Instant
    ) -> list[AlarmEvent]:
        """Set or clear the claim of ``source`` to a technical condition."""
        if not active:
            if base(name) == LINK_LOST:
                self.linked.add(source)
            events = self._end(self.conditions.get(name), {source}, Event.CLEAR, at)
            return events + (self._recover(source, at) if base(name) == LEAD_OFF else [])
        text = text or base(name).replace("_", " ").capitalize()
        events = self._claim(self._condition(name, AlarmKind.TECHNICAL), source, text, at)
        if base(name) == LEAD_OFF:
            blinded = [*self._rhythm_sources()] if not source else [source]
            for each in blinded:
                events += self._lose_rhythms(each, at, spared=("apnoea",))
        return events

    def set_faults(
        self, source: str, faults: Mapping[str, str], at: Instant, feeds_alarms: bool = True
    ) -> list[AlarmEvent]:
        """Make ``faults`` (condition: text) all that ``source`` reports of itself.

        A wrong clock is of low priority where nothing that it stamps is judged by a limit.
        """
        events = []
        for condition in list(self.conditions.values()):
            reported = condition.kind is AlarmKind.TECHNICAL and source in condition.claims
            own = reported and base(condition.name) not in OF_GATEWAY
            if own and condition.name not in faults:
                events += self.technical(condition.name, False, "", source, at)
        for name, text in faults.items():
            if base(name) in CLOCK_FAULTS and not feeds_alarms:
                self._condition(name, AlarmKind.TECHNICAL).priority = Priority.LOW
            events += self.technical(name, True, text, source, at)
        return events

    def rhythm(
        self, name: str, metric: str, ended: bool, source: str, at: Instant
    ) -> list[AlarmEvent]:
        """Begin or end a rhythm; an end of what nobody claimed is nothing new, save a pause."""
        events = self.see(source, at)
        condition = self.conditions.get(name)
        if ended and name != MOMENTARY and (condition is None or source not in condition.claims):
            return events
        condition = self._condition(name)
        condition.metric = metric
        if not ended or source not in condition.claims:
            events += self._claim(condition, source, rhythm_text(name), at)
        return events + (self._end(condition, {source}, Event.CLEAR, at) if ended else [])

    def see(self, source: str, at: Instant) -> list[AlarmEvent]:
        """Note that ``source`` can be observed: what it claims is present again."""
        self.seen[source] = at.clock_ns
        if source not in self.unseen:
            return []
        self.unseen.discard(source)
        return self._recover(source, at)

    def tick(self, at: Instant) -> list[AlarmEvent]:
        """Find sources that have gone silent and delays that have elapsed."""
        events = []
        for metric, reading in list(self.readings.items()):
            if reading.is_over(at, self.limits.no_data_s):
                events += self._silent(metric, reading, at)
        silence_ns = self.limits.no_data_s * SECOND_NS
        for source in self._rhythm_sources() - self.unseen:
            if at.clock_ns - self.seen.setdefault(source, at.clock_ns) >= silence_ns:
                self.unseen.add(source)
                events += self._lose_rhythms(source, at)
        for condition in list(self.conditions.values()):
            if condition.state is State.PENDING and self._is_supported(condition):
                events += self._take(condition, Event.BREACH, at)
        return events

    # ends

    def release(
        self, sources: Collection[str], metrics: Collection[str], at: Instant
    ) -> list[AlarmEvent]:
        """End all that ``sources`` claim, and all about ``metrics``: sensors were taken off."""
        gone = {
            metric
            for metric, reading in self.readings.items()
            if metric in metrics or reading.source in sources
        }
        for metric in gone:
            del self.readings[metric]
        events = []
        for condition in list(self.conditions.values()):
            technical = condition.kind is AlarmKind.TECHNICAL
            about = condition.name.removeprefix("no_data:") if technical else condition.metric
            ended = set(condition.claims) & set(sources)
            if about in metrics or (condition.name == DIFFERENCE and gone & set(RATES)):
                ended = set(condition.claims)
            event = Event.CLEAR if technical else Event.RELEASE
            events += self._end(condition, ended, event, at)
        for source in sources:
            self.seen.pop(source, None)
            self.unseen.discard(source)
            self.linked.discard(source)
        return events

    def sources(self) -> set[str]:
        """Return every source of a claim, of the newest reading of a metric, or of a link."""
        claimed = {source for c in self.conditions.values() for source in c.claims}
        return claimed | self.linked | {reading.source for reading in self.readings.values()}

    def claimed_rhythms(self, source: str, metric: str) -> tuple[str, ...]:
        """Return the rhythms that the detector on ``metric`` of ``source`` claims, sorted."""
        of_signal = (c for c in self.conditions.values() if _signal(c.metric) == _signal(metric))
        return tuple(sorted(c.name for c in of_signal if c.name in RHYTHMS and source in c.claims))

    def end_detector(self, source: str, metric: str, at: Instant) -> list[AlarmEvent]:
        """End the rhythms that the detector on ``metric`` of ``source`` claims: it is replaced.

        One lead of an ECG is analysed at a time, so all leads are one detector.
        """
        events = []
        for condition in list(self.conditions.values()):
            if condition.name in RHYTHMS and _signal(condition.metric) == _signal(metric):
                events += self._end(condition, {source}, Event.RELEASE, at)
        return events

    def end_all(self, at: Instant) -> list[AlarmEvent]:
        """End everything: the subject has left."""
        shown = [condition for condition in self.conditions.values() if condition.is_signalled]
        self.conditions.clear()
        self.readings.clear()
        for condition in shown:
            condition.claims.clear()
            condition.state = State.QUIET
        return [condition.as_event(self.name, at.now_ns) for condition in shown]

    # persons

    def set_limits(self, limits: AlarmLimits, at: Instant) -> list[AlarmEvent]:
        """Judge the newest values by new limits; alarms of limits that are gone end as cleared."""
        before = {
            each.condition: each for m, v in self.limits.metrics.items() for each in v.limits(m)
        }
        after = {each.condition: each for m, v in limits.metrics.items() for each in v.limits(m)}
        self.limits = limits
        events = []
        for name in sorted(before):
            known, new = self.conditions.get(name), after.get(name)
            if known is None or new == before[name]:
                continue
            if new is None or known.value is None or not new.is_breached(known.value):
                events += self._clear(name, at)
        for metric in self.readings:
            events += self._judge_metric(metric, at)
        return events

    # helpers

    def _judge_metric(self, metric: str, at: Instant) -> list[AlarmEvent]:
        reading = self.readings[metric]
        events: list[AlarmEvent] = []
        if reading.value is not None:
            repeats = metric == "pulse_rate" and self._is_same_heart(at)
            for limit in self.limits.metrics.get(metric, MetricLimits()).limits(metric):
                if repeats:
                    events += self._clear(limit.condition, at)
                else:
                    events += self._judge(limit, reading.value, reading.source, at)
        return events

    def _is_same_heart(self, at: Instant) -> bool:
        """Return whether the pulse rate is the heart rate again: one fast heart is one alarm."""
        rates = fresh_rates(self.readings, at.clock_ns)
        return len(rates) == 2 and difference_percent(rates) <= self.limits.difference_percent

    def _judge(self, limit: Limit, value: float, source: str, at: Instant) -> list[AlarmEvent]:
        known = self.conditions.get(limit.condition)
        # Hysteresis holds an alarm that shows; it does not help a brief breach to become one.
        holds = known is not None and known.is_signalled and not limit.is_clear(value)
        if not limit.is_breached(value) and not (holds and known is not None and known.claims):
            if known is not None:
                known.value = value
            return self._clear(limit.condition, at)
        condition = self._condition(limit.condition)
        condition.value, condition.limit = value, limit.value
        condition.claims.clear()
        events = self._claim(condition, source, limit.text(value), at)
        if not condition.is_signalled:
            condition.extreme = None
        elif condition.extreme is None or limit.is_worse(value, condition.extreme):
            known_worst, condition.extreme = condition.extreme, value
            if not events and known_worst is not None:
                events = [condition.as_event(self.name, at.now_ns)]
        return events

    def _judge_difference(self, at: Instant) -> list[AlarmEvent]:
        fresh = fresh_rates(self.readings, at.clock_ns)
        if len(fresh) < 2:
            return []
        (heart, source), (pulse, _) = fresh
        percent = difference_percent(fresh)
        if percent <= self.limits.difference_percent:
            return self._clear(DIFFERENCE, at)
        condition = self._condition(DIFFERENCE)
        condition.value, condition.limit = round(percent), self.limits.difference_percent
        condition.claims.clear()
        return self._claim(condition, source, f"HR {heart:.0f} and pulse {pulse:.0f} differ", at)

    def _silent(self, metric: str, reading: Reading, at: Instant) -> list[AlarmEvent]:
        """Drop values of a silent stream; end single readings that are too old."""
        if not reading.is_stream:
            return self.release((), (metric,), at)
        events: list[AlarmEvent] = []
        if reading.restored:
            del self.readings[metric]
        elif not reading.promised:
            reading.value = None
        else:
            reading.value = None
            label = METRICS[metric].label
            reason = (reading.reason or "").replace("_", " ")
            why = f"withheld: {reason}" if reason else "no data"
            condition = self._condition(f"no_data:{metric}", AlarmKind.TECHNICAL)
            condition.claims.clear()
            events = self._claim(condition, reading.source, f"{label} {why}", at)
        for condition in list(self.conditions.values()):
            limited = condition.name not in RHYTHMS and condition.metric == metric
            if limited or (condition.name == DIFFERENCE and metric in RATES):
                for source in list(condition.claims):
                    events += self._lose(condition, source, at)
        return events

    def _is_supported(self, condition: Condition) -> bool:
        """Return whether the newest reading still shows the breach: withheld values do not."""
        for metric in RATES if condition.name == DIFFERENCE else (condition.metric,):
            reading = self.readings.get(metric or "")
            if reading is None or reading.value is None:
                return False
        return condition.is_present

    def _rhythm_sources(self) -> set[str]:
        return {s for c in self.conditions.values() if c.name in RHYTHMS for s in c.claims}

    def _lose_rhythms(
        self, source: str, at: Instant, spared: Iterable[str] = ()
    ) -> list[AlarmEvent]:
        events = []
        for condition in list(self.conditions.values()):
            if condition.name in RHYTHMS and condition.name not in spared:
                events += self._lose(condition, source, at)
        return events

    def _recover(self, source: str, at: Instant) -> list[AlarmEvent]:
        """Take up again the rhythms that ``source`` has not ended, if it can be observed."""
        events = []
        for condition in list(self.conditions.values()):
            if condition.name not in RHYTHMS:
                continue
            for each, is_seen in list(condition.claims.items()):
                if not is_seen and source in ("", each) and not self._is_blind(each, condition):
                    events += self._claim(condition, each, condition.text, at)
        return events

    def _is_blind(self, source: str, condition: Condition) -> bool:
        if source in self.unseen:
            return True
        return condition.name != "apnoea" and any(
            base(c.name) == LEAD_OFF and (source in c.claims or "" in c.claims)
            for c in self.conditions.values()
        )

    # restart

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "limits": self.limits.to_dict(),
            "audio_paused_until_ns": self.audio_paused_until_ns,
            "conditions": [c.to_dict() for c in self.conditions.values()],
            "readings": {metric: r.to_json() for metric, r in self.readings.items()},
            "unseen": sorted(self.unseen),
            "linked": sorted(self.linked),
        }

    @classmethod
    def from_dict(cls, name: str, kept: dict[str, Any], clock_ns: int) -> "SubjectAlarms":
        """Read what `to_dict` wrote; metrics of another version are left out."""
        readings = {
            metric: Reading.from_json(reading, clock_ns)
            for metric, reading in kept["readings"].items()
            if metric in METRICS and len(reading) == 5
        }
        conditions = [Condition.from_dict(each) for each in kept["conditions"]]
        return cls(
            name,
            AlarmLimits.from_dict(kept["limits"]),
            {c.name: c for c in conditions if c.metric is None or c.metric in METRICS},
            kept["audio_paused_until_ns"],
            readings,
            unseen=set(kept.get("unseen", ())),
            linked=set(kept.get("linked", ())),
        )


def _signal(metric: str | None) -> str | None:
    return "ecg" if metric is not None and metric.startswith("ecg_") else metric
