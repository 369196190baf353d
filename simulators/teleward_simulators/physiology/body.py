"""A body with its rhythm: the engine, what was done to it, and what the rhythm does of itself.

Time is counted in steps of the engine. All change comes through `act`, `turn` and `set_rhythm`;
the same calls at the same steps make the same patient, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from teleward_signal.errors import Invalid
from teleward_simulators.draws import Stream, uniform
from teleward_simulators.physiology.actions import Action, action_named
from teleward_simulators.physiology.engine import (
    FAILING_S,
    HYPOKALAEMIA_S,
    KALAEMIA_S,
    STEPS_PER_S,
    Engine,
)
from teleward_simulators.physiology.person import Person
from teleward_simulators.physiology.readings import SHORT
from teleward_simulators.physiology.rhythm_plans import DECAY, KIND, PAUSE_S, Plan, plans, wait
from teleward_simulators.physiology.special_actions import SPECIAL
from teleward_simulators.physiology.units import parse_dose
from teleward_simulators.physiology.vital import BodySnapshot, Given, Vital
from teleward_simulators.rhythms.table import RHYTHMS, rhythm_named
from teleward_simulators.rhythms.transitions import (
    TIME_LIMITS,
    Scene,
    choose,
    choose_fairly,
    outcomes,
)

CAUSES_OK = (
    ("k_eff", 1.8, 7.0),
    ("vr_obst", -1.0, 1.0),
    ("temperature", 30.0, 50.0),
    ("pao2", 55.0, 1000.0),
)
"""Field, and the bounds inside which it does not keep a heart from starting again."""
LEAST_VOLUME = 0.70
"""Share of the blood volume below which a heart stays empty."""
TRIAL_S = 90.0
"""How long a heart has to be able to beat for its arrest to be reversible."""
ESTABLISHED_S = 3600.0
"""Age of the infarct that a rhythm of that name shows."""
OnRhythm = Callable[[str, float], None]


@dataclass(slots=True)
class Body:
    """One patient without waves.

    ``on_rhythm(name, pause_s)`` is told of every change of rhythm; ``overrides`` replaces
    probabilities of the table for a case: {"svt/valsalva/sinus": 1.0}.
    """

    person: Person = field(default_factory=Person)
    seed: int = 0
    engine: Engine = field(init=False)
    vital: Vital = field(init=False)
    overrides: dict[str, float] = field(default_factory=dict)
    on_rhythm: OnRhythm | None = None

    def __post_init__(self) -> None:
        self.engine = Engine(self.person)
        self.vital = Vital()

    @property
    def rhythm(self) -> str:
        """The rhythm now."""
        return self.vital.rhythm

    def variable(self, name: str) -> float | str:
        """Return a variable for expressions: vital signs, knobs, fields, ``rhythm``."""
        return self.reader(name)()

    def reader(self, name: str) -> Callable[[], float | str]:
        """Return what reads a variable as it is then; ValueError when there is none."""
        if name == "rhythm":
            return lambda: self.vital.rhythm
        if name == "t_asystole":
            return lambda: self._in_rhythm_s() if self.rhythm == "asystole" else 0.0
        return self.engine.reader(SHORT.get(name, name))

    def snapshot(self) -> BodySnapshot:
        """Return all there is."""
        return BodySnapshot(self.engine.snapshot(), replace(self.vital))

    def restore(self, snapshot: BodySnapshot) -> None:
        """Go to a snapshot."""
        self.engine.restore(snapshot.engine)
        self.vital = replace(snapshot.vital)

    def advance(self, steps: int) -> None:
        """Move on; what the rhythm does of itself happens in the step in which it is due."""
        engine = self.engine
        while steps > 0:
            due = plans(self.vital)
            part = min(steps, *(wait(p, engine.steps) for p in due)) if due else steps
            steps -= engine.advance_until(part)
            # what no longer beats follows the table alone
            if engine.get("pulse") > 0.5 and self._failing():
                self._fail()
            elif due:
                self._carry_on(due)

    def turn(self, knob: str, value: float, over_s: float = 0.0) -> None:
        """Turn a knob."""
        self.engine.turn(knob, value, over_s)

    def act(self, name: str, dose: str = "") -> Given:
        """Do something; ``dose`` has its unit, empty is the usual one. ValueError if impossible."""
        action = action_named(name)
        amount = parse_dose(dose, action.unit) if dose and action.unit else action.usual
        if dose and not action.unit:
            raise Invalid(f"{name} takes no dose, not {dose!r}")
        flags = []
        share = amount / action.usual
        if action.by_weight and self.person.wt_kg < 50.0:
            share *= 50.0 / self.person.wt_kg
        if action.most and amount > action.most * (1.0 + 1e-9):
            flags.append(f"more than {action.most:g} {action.unit}")
        self._carry_out(action, amount, share)
        given = Given(self.engine.steps, name, amount if action.unit else 0.0, tuple(flags))
        self.vital.given = (*self.vital.given, given)
        return given

    def set_rhythm(self, name: str, rate: float = 0.0, pause_s: float = 0.0) -> None:
        """Change the rhythm now; ``rate`` replaces the usual one of rhythms that have one."""
        rhythm = rhythm_named(name)
        engine, vital = self.engine, self.vital
        had_pulse = RHYTHMS[vital.rhythm].pulse
        vital.rhythm, vital.rhythm_step = name, engine.steps
        vital.pause_s = pause_s
        engine.put("pulse", float(rhythm.pulse))
        engine.put("conduction", rhythm.conduction)
        engine.put("av_node", float(rhythm.av_node))
        engine.put("rhythm_gain", rhythm.gain)
        engine.put("breath_block", 0.0 if rhythm.pulse else 1.0)
        if rhythm.pulse and not had_pulse:
            engine.put("rosc_s", 0.1)
            engine.put("low_s", 0.0)
            engine.put("cpr", 0.0)
            vital.cpr_step = -1
        for knob, value in rhythm.territory:
            engine.turn(knob, value)
            engine.put("injury_s", ESTABLISHED_S)
        self.set_rate(rate or rhythm.rate)
        if self.on_rhythm is not None:
            self.on_rhythm(name, pause_s)

    def set_rate(self, rate: float) -> None:
        """Set the ventricular rate of a rhythm that has one of its own (0: the sinus node's)."""
        self.vital.rate = rate
        self.engine.put("fixed_hr", rate)
        self.engine.restart_beats()  # a body whose time stands still shows it as well

    def _carry_out(self, action: Action, amount: float, share: float) -> None:
        engine = self.engine
        for name, per_dose in action.adds:
            engine.put(name, engine.get(name) + per_dose * share)
        for name, value in action.sets:
            engine.put(name, value)
        for layer in action.layers:
            size = layer.size * share if layer.kind == "shift" else layer.size**share
            engine.lay(replace(layer, size=size))
        special = SPECIAL.get(action.name)
        if special is not None:
            special(self, amount)
        if action.trigger:
            self._trigger(action.trigger, amount)

    def _scene(self, dose: float = 0.0) -> Scene:
        engine, vital = self.engine, self.vital
        recent = engine.steps - vital.adrenaline_step < 300 * STEPS_PER_S
        return Scene(
            down_min=engine.get("down_s") / 60.0,
            cpr_quality=engine.get("cpr_quality") if vital.cpr_step >= 0 else 0.0,
            adrenaline=recent,
            amiodarone=vital.amiodarone,
            cause_fixed=self.cause_fixed(),
            dose=dose,
            rate=vital.rate,
        )

    def cause_fixed(self) -> bool:
        """Return whether nothing keeps the heart from starting again and beating on."""
        engine = self.engine
        if engine.get("blood_ml") < LEAST_VOLUME * engine.get("volume0_ml"):
            return False
        if not all(low < engine.get(name) < high for name, low, high in CAUSES_OK):
            return False
        return engine.would_beat_on(TRIAL_S)

    def _trigger(self, trigger: str, dose: float = 0.0) -> None:
        vital = self.vital
        kind = KIND.get(vital.rhythm, vital.rhythm)
        possible = tuple(
            (self.overrides.get(f"{kind}/{trigger}/{to}", probability), to)
            for probability, to in outcomes(kind, trigger, self._scene(dose))
        )
        if not possible:
            return
        if vital.exam:
            key = f"{kind}/{trigger}"
            pressures = dict(vital.pressure)
            to, pressures[key] = choose_fairly(possible, pressures.get(key, 0.0))
            vital.pressure = tuple(sorted(pressures.items()))
        else:
            to = choose(possible, uniform(self.seed, Stream.TRANSITION, vital.draws))
            vital.draws += 1
        if to is not None:
            self.set_rhythm(to, pause_s=PAUSE_S.get((kind, trigger), 0.0))

    def _in_rhythm_s(self) -> float:
        return (self.engine.steps - self.vital.rhythm_step) / STEPS_PER_S

    def _carry_on(self, due: list[Plan]) -> None:
        """Carry out what is due at this step, of ``due`` made before it."""
        now = self.engine.steps
        for first, every, what in due:
            if now < first:
                continue
            if what == DECAY:
                self.set_rhythm(TIME_LIMITS[self.vital.rhythm][1])
                return
            if every == 0:
                self.vital.due = tuple(row for row in self.vital.due if row != (first, what))
                self._trigger(what)
            elif (now - first) % every == 0:
                self._trigger(what)

    def _failing(self) -> bool:
        get = self.engine.get
        low, high = get("hypokalaemia_s") > HYPOKALAEMIA_S, get("kalaemia_s") > KALAEMIA_S
        return get("low_s") > FAILING_S or high or low

    def _fail(self) -> None:
        """Stop a heart without pressure, oxygen or with too much potassium."""
        if self.engine.get("low_s") > FAILING_S:
            self.set_rhythm("pea")
        elif self.engine.get("kalaemia_s") > KALAEMIA_S:
            self.engine.put("kalaemia_s", 0.0)
            self._trigger("hyperkalaemia")
        else:
            self.engine.put("hypokalaemia_s", 0.0)
            ectopic = self.vital.rhythm in ("pvc", "bigeminy", "couplets")
            self._trigger("hypokalaemia_runs" if ectopic else "hypokalaemia")
