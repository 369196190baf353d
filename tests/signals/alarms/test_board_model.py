"""The alarm board against a naive oracle, over random lives of a ward: 120,000 steps.

Every step is one of: a rhythm begins or ends, a source falls silent or comes back, lead off, a
status, a value (fresh, withheld, back-dated, from memory), release, swap, discharge, readmission,
acknowledgement, inhibition, audio pause, other limits, a restart, a step of the UTC clock.
"""

import json
import random
from collections.abc import Callable

import pytest
from alarm_oracle import HIGH, RHYTHM_NAMES, STANDS_S, Oracle, Person, S

from teleward_signal.alarms.condition_board import AUDIO_PAUSE_MAX_S
from teleward_signal.alarms.condition_board import ConditionBoard as AlarmBoard
from teleward_signal.alarms.limits import AlarmLimits, MetricLimits
from teleward_signal.model import Annotation, Measurement, Priority

SEEDS = range(24)
STEPS = 5000
WHO = ("anna", "bela", "cleo")
SOURCES = ("patch", "strap", "ox")
FAULTS = ("lead_off", "probe_off", "low_battery")
CONDITIONS = (
    *sorted(RHYTHM_NAMES), "spo2_low", "spo2_very_low", "nibp_systolic_very_low", "no_data:spo2",
    "lead_off:patch", "link_lost:strap",
)  # fmt: skip


class Life:
    """The board and the oracle, given the same random steps."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.board, self.oracle = AlarmBoard(), Oracle()
        self.utc_ns, self.monotonic_ns = 1_700_000_000 * S, 77 * S
        self.events = 0
        for who in WHO:
            self.admit(who)
        self.steps: list[tuple[int, Callable[[str, str], None]]] = [
            (12, self.begin), (9, self.end), (8, self.see), (3, self.lead_off), (3, self.status),
            (2, self.link), (16, self.measure), (3, self.withhold), (2, self.from_memory),
            (14, self.seconds), (1, self.hours), (2, self.release), (1, self.swap),
            (1, self.unbind_others), (1, self.replace_detector), (1, self.discharge),
            (8, self.acknowledge), (1, self.acknowledge_the_last), (1, self.inhibit),
            (2, self.enable), (2, self.pause), (2, self.limits), (1, self.restart), (2, self.step),
        ]  # fmt: skip

    @property
    def at(self) -> tuple[int, int]:
        return self.utc_ns, self.monotonic_ns

    def one(self) -> str:
        weights, steps = zip(*self.steps, strict=True)
        (step,) = self.random.choices(steps, weights)
        who, source = self.random.choice(WHO), self.random.choice(SOURCES)
        step(who, source)
        return f"{step.__name__}({who}, {source})"

    def check(self) -> None:
        shown = {(e.subject, e.condition): e.presence.value for e in self.board.active()}
        assert shown == self.oracle.shown()
        for who, person in self.oracle.people.items():
            left = max(0, person.paused_until - self.oracle.clock) / S
            assert self.board.audio_pause_left_s(who) == left
            rings = any(f.shows == "rings" and n in HIGH for n, f in person.facts.items())
            assert (self.board.audible(who) is Priority.HIGH) == (rings and left == 0)

    # sources

    def begin(self, who: str, source: str) -> None:
        name = self.random.choice(sorted(RHYTHM_NAMES))
        self._mark(who, source, name, "begins")
        self.oracle.see(who, source)
        self.oracle.set(who, name, source, True)

    def end(self, who: str, source: str) -> None:
        name = self.random.choice(sorted(RHYTHM_NAMES))
        self._mark(who, source, name, "ends")
        self.oracle.see(who, source)
        if name in self.oracle.rhythms_of(who, source):
            self.oracle.set(who, name, source, None)

    def _mark(self, who: str, source: str, name: str, what: str) -> None:
        metric = "respiration" if name == "apnoea" else "ecg_ii"
        mark = Annotation(metric, "+", self.utc_ns, label=f"{name.replace('_', ' ')} {what}")
        self.board.rhythm(who, mark, *self.at, source=source)

    def see(self, who: str, source: str) -> None:
        self.board.see(who, source, *self.at)
        self.oracle.see(who, source)

    def lead_off(self, who: str, source: str) -> None:
        self._set_lead_off(who, source, self.random.random() < 0.5)

    def _set_lead_off(self, who: str, source: str, off: bool, tell: bool = True) -> None:
        if tell:
            args = (who, f"lead_off:{source}", off, self.utc_ns, "", self.monotonic_ns)
            self.board.technical(*args)
        person = self.oracle.people[who]
        if off:
            self.oracle.set(who, f"lead_off:{source}", source, True)
            person.lead_off.add(source)
            self.oracle.lose(who, source, spared="apnoea")
        else:
            self.oracle.set(who, f"lead_off:{source}", source, None)
            person.lead_off.discard(source)
            self.oracle.recover(who, source)

    def status(self, who: str, source: str) -> None:
        faults = {f for f in FAULTS if self.random.random() < 0.3}
        words = {f"{fault}:{source}": "" for fault in sorted(faults)}
        self.board.set_faults(who, source, words, *self.at)
        for fault in FAULTS:
            if fault == "lead_off" and "lead_off" not in faults:
                self._set_lead_off(who, source, False, tell=False)
            elif fault not in faults:
                self.oracle.set(who, f"{fault}:{source}", source, None)
        for fault in sorted(faults):
            if fault == "lead_off":
                self._set_lead_off(who, source, True, tell=False)
            else:
                self.oracle.set(who, f"{fault}:{source}", source, True)

    def link(self, who: str, source: str) -> None:
        lost = self.random.random() < 0.5
        name = f"link_lost:{source}"
        self.board.technical(who, name, lost, self.utc_ns, "", self.monotonic_ns)
        self.oracle.set(who, name, source, True if lost else None)

    # values

    def measure(self, who: str, source: str) -> None:
        metric = self.random.choice(["spo2", "spo2", "nibp_systolic"])
        value = float(self.random.choice([70, 84, 85, 86, 89, 90, 91, 97]))
        age_s = self.random.choice([0, 0, 0, 2, 7200])
        self._value(who, source, metric, value, age_s)

    def withhold(self, who: str, source: str) -> None:
        self._value(who, source, "spo2", None, 0)

    def _value(self, who: str, source: str, metric: str, value: float | None, age_s: int) -> None:
        valid_s = 5.0 if metric == "spo2" else 3600.0
        measured = Measurement(metric, value, time_ns=self.utc_ns - age_s * S, valid_s=valid_s)
        self.board.update(who, measured, *self.at, source=source)
        if age_s <= max(valid_s, 30):
            observed = self.oracle.clock - age_s * S
            self.oracle.value(who, metric, source, value, observed, metric == "spo2")

    def from_memory(self, who: str, source: str) -> None:
        old = Measurement("nibp_systolic", 50.0, time_ns=self.utc_ns, stored=True)
        self.board.update(who, old, *self.at, source=source)

    # time

    def seconds(self, who: str, source: str) -> None:
        for _ in range(self.random.choice([1, 2, 5, 11, 31])):
            self._pass(1)

    def hours(self, who: str, source: str) -> None:
        self._pass(self.random.choice([3600, STANDS_S]))

    def _pass(self, seconds: int) -> None:
        self.utc_ns += seconds * S
        self.monotonic_ns += seconds * S
        self.oracle.clock += seconds * S
        self.board.tick(*self.at)
        self.oracle.tick()

    def step(self, who: str, source: str) -> None:
        self.utc_ns += self.random.choice([-86400, -1800, -1, 1800, 86400]) * S

    # ends

    def release(self, who: str, source: str) -> None:
        self.board.release(who, self.utc_ns, None, self.monotonic_ns, source)
        self.oracle.release(who, source)

    def swap(self, who: str, source: str) -> None:
        other = self.random.choice(SOURCES)
        self.release(who, source)
        self._value(who, other, "spo2", 97.0, 0)

    def unbind_others(self, who: str, source: str) -> None:
        others = self.board.sources(who) - {source}
        self.board.release(who, self.utc_ns, None, self.monotonic_ns, others)
        self.oracle.release(who, *(other for other in SOURCES if other != source))

    def replace_detector(self, who: str, source: str) -> None:
        self.board.end_detector(who, source, "ecg_i", *self.at)
        for name in self.oracle.rhythms_of(who, source):
            if name != "apnoea":
                self.oracle.set(who, name, source, None)

    def discharge(self, who: str, source: str) -> None:
        shown = {name for subject, name in self.oracle.shown() if subject == who}
        ended = self.board.forget(who, *self.at)
        assert {e.condition for e in ended} == shown
        assert {e.presence.value for e in ended} <= {"off"}
        assert self.board.tick(*self.at) == []
        assert who not in self.board.subjects()
        del self.oracle.people[who]
        self.admit(who)

    def admit(self, who: str) -> None:
        self.oracle.people[who] = Person()
        self.board.set_limits(who, AlarmLimits())

    # persons

    def acknowledge(self, who: str, source: str) -> None:
        name = self.random.choice(CONDITIONS)
        self.board.acknowledge(who, name, "nurse", *self.at)
        self.oracle.acknowledge(who, name)

    def acknowledge_the_last(self, who: str, source: str) -> None:
        for event in self.board.active(who):
            seen = event.since_ns
            self.board.acknowledge(who, event.condition, "nurse", *self.at, since_ns=seen)
            self.oracle.acknowledge(who, event.condition)

    def inhibit(self, who: str, source: str) -> None:
        name = self.random.choice(["asystole", "atrial_fibrillation", "spo2_low"])
        self.board.inhibit(who, name, "nurse", *self.at)
        self.oracle.inhibit(who, name)

    def enable(self, who: str, source: str) -> None:
        name = self.random.choice(["asystole", "atrial_fibrillation", "spo2_low"])
        self.board.enable(who, name, "nurse", *self.at)
        self.oracle.enable(who, name)

    def pause(self, who: str, source: str) -> None:
        self.board.tick(*self.at)
        self.oracle.tick()
        seconds = self.random.choice([0, 30, 10_000])
        self.board.pause_audio(who, self.utc_ns + seconds * S)
        left_s = min(seconds, AUDIO_PAUSE_MAX_S)
        self.oracle.people[who].paused_until = self.oracle.clock + left_s * S

    def limits(self, who: str, source: str) -> None:
        person = self.oracle.people[who]
        before = (person.very_low, person.low)
        person.very_low, person.low = self.random.choice([(85, 90), (80, 86), (85, 88)])
        wanted = MetricLimits(very_low=person.very_low, low=person.low)
        self.board.set_limits(who, AlarmLimits().with_metric("spo2", wanted))
        for name, old, new in zip(
            ("spo2_very_low", "spo2_low"), before, (person.very_low, person.low), strict=True
        ):
            facts = person.facts.get(name)
            if facts and old != new and not (facts.value is not None and facts.value < new):
                self.oracle.only(who, name, None)
        if "spo2" in person.values:
            self.oracle.judge(who, "spo2")

    def restart(self, who: str, source: str) -> None:
        kept = json.loads(json.dumps(self.board.snapshot()))
        self.board = AlarmBoard()
        self.board.restore(kept)
        self.monotonic_ns = self.random.randrange(10**15)
        self.oracle.restart()
        self.board.tick(*self.at)
        self.oracle.tick()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_board_is_what_its_sources_say(seed: int) -> None:
    life = Life(seed)
    done: list[str] = []
    for _ in range(STEPS):
        done.append(life.one())
        try:
            life.check()
        except AssertionError:
            print(f"seed {seed}, step {len(done)}: ... {done[-12:]}")
            raise
    print(f"seed {seed}: {STEPS} steps of {len(SEEDS) * STEPS}")


def test_the_oracle_is_driven_far_enough() -> None:
    assert len(SEEDS) * STEPS >= 100_000
