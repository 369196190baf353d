"""Ten steps a second of one patient's body: pure, seeded by nothing, the same for the same inputs.

Ramps of the course and the layers of actions over it move inside the step, so a case costs no
Python between its events. A snapshot is the bytes of the records; restoring it continues bit for
bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import FloatRecord, Floats, Records
from teleward_signal.errors import Invalid
from teleward_simulators.physiology.circulation import (
    advance_heart,
    advance_reflexes,
    advance_volumes,
    beats_per_minute,
)
from teleward_simulators.physiology.drugs import advance_drugs
from teleward_simulators.physiology.knobs import KNOB_DTYPE, KNOB_INDEX, checked
from teleward_simulators.physiology.layers import (
    COLUMNS,
    LIMITS,
    MOST,
    Layer,
    combine,
    tidied,
)
from teleward_simulators.physiology.metabolism import (
    advance_acids,
    advance_glucose,
    advance_potassium,
    advance_temperature,
)
from teleward_simulators.physiology.person import Person, make_records
from teleward_simulators.physiology.record import FIELD_INDEX, PATIENT_DTYPE
from teleward_simulators.physiology.ventilation import advance_breathing, advance_gases

STEP_S = 0.1
"""Explicit Euler is stable: the quickest constant is the vagus at 1.5 s."""
STEPS_PER_S = 10
SETTLE_S = 360.0
"""Time in which a person at rest finds the balance of the equations."""
ARREST_MAP_MMHG = 32.0
ARREST_SATURATION = 0.35
"""Below either the heart fails, see `FAILING_S`."""


FAILING_S = 60.0
"""Seconds of no pressure or oxygen before the heart stops pumping."""
KALAEMIA_S = 180.0
"""Seconds that a heart stands the last rung of the potassium ladder."""

HYPOKALAEMIA_S = 60.0
"""Seconds of too little potassium after which the heart may turn to another rhythm."""


@kernel
def advance(
    patients: Records[FloatRecord],
    knobs: Records[FloatRecord],
    values: Floats,
    course: Floats,
    ramps: Floats,
    layers: Floats,
    count: int,
    sums: Floats,
    limits: Floats,
    steps: int,
) -> int:
    """Move a patient by ``steps`` tenths of a second, or to where the heart gives in.

    ``values``: the knob record seen as float64, shape (n_knobs,); ``course``: the same without
    what actions do; ``ramps``: change of the course per step, its steps left and where it ends,
    shape (n_knobs, 3); ``layers`` to ``limits``: see `layers.combine`. Returns the steps taken.
    """
    p, k = patients[0], knobs[0]
    for taken in range(steps):
        for i in range(len(values)):
            if ramps[i, 1] > 0.0:
                ramps[i, 1] -= 1.0
                course[i] = ramps[i, 2] - ramps[i, 0] * ramps[i, 1]
                values[i] = course[i]
        if count > 0:
            for j in range(count):
                layers[j, 3] += 1.0
            combine(course, layers, count, sums, limits, values)
        _step(p, k, STEP_S)
        if p.pulse > 0.5 and (
            p.low_s > FAILING_S or p.kalaemia_s > KALAEMIA_S or p.hypokalaemia_s > HYPOKALAEMIA_S
        ):
            return taken + 1
    return steps


@kernel
def _failing(p: FloatRecord) -> bool:
    """Return whether the heart gets too little pressure or oxygen to go on."""
    return bool(p.map < ARREST_MAP_MMHG or p.sao2 < ARREST_SATURATION)


@kernel
def _step(p: FloatRecord, k: FloatRecord, dt: float) -> None:
    advance_drugs(p, dt)
    advance_volumes(p, k, dt)
    advance_reflexes(p, k, dt)
    advance_heart(p, k, dt)
    advance_breathing(p, k, dt)
    advance_gases(p, k, dt)
    advance_acids(p, k, dt)
    advance_potassium(p, k, dt)
    advance_glucose(p, k, dt)
    advance_temperature(p, k, dt)
    failing = _failing(p)
    if p.pulse > 0.5:
        p.low_s = p.low_s + dt if failing else 0.0
        p.down_s = 0.0
        if p.rosc_s > 0.0:
            p.rosc_s += dt
    else:
        p.down_s += dt


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything an engine is."""

    steps: int
    patient: bytes
    knobs: bytes
    course: bytes
    ramps: bytes
    layers: bytes


class Engine:
    """One body; time is counted in steps of `STEP_S`."""

    def __init__(self, person: Person | None = None, settle_s: float = SETTLE_S) -> None:
        self.person = person or Person()
        self.patients, self.knobs = make_records(self.person)
        self.values: NDArray[np.float64] = self.knobs.view(np.float64).reshape(-1)
        self.course = self.values.copy()
        self.ramps = np.zeros((len(self.values), 3))
        self._layers = np.zeros((MOST, COLUMNS))
        self._count = 0
        self._sums = np.zeros((len(self.values), 3))
        self._fields: NDArray[np.float64] = self.patients.view(np.float64).reshape(-1)
        # records are only ever written in place, so a reader stays good
        self._readers: dict[str, Callable[[], float]] = {
            **{name: partial(self._fields.item, i) for name, i in FIELD_INDEX.items()},
            **{name: partial(self.values.item, i) for name, i in KNOB_INDEX.items()},
        }
        self.steps = 0
        if settle_s:
            self.settle(settle_s)

    def settle(self, seconds: float) -> None:
        """Find the balance with the starting blood and chemistry kept as stated."""
        p = self.patients[0]
        kept = ("blood_ml", "haemoglobin_g", "glucose", "insulin", "ketones", "potassium",
                "temperature", "lactate", "insulin_remote", "interstitial_ml",
                "urine_ml")  # fmt: skip
        start = {name: p[name] for name in kept}
        for _ in range(int(seconds)):
            self.advance(STEPS_PER_S)
            for name, value in start.items():
                p[name] = value
        p["rosc_s"] = p["low_s"] = p["down_s"] = p["kalaemia_s"] = p["hypokalaemia_s"] = 0.0
        self.steps = 0

    @property
    def time_s(self) -> float:
        """Return the body's time since its start."""
        return self.steps * STEP_S

    def advance(self, steps: int) -> None:
        """Move on by ``steps`` tenths of a second."""
        while steps > 0:
            steps -= self.advance_until(steps)

    def advance_until(self, steps: int) -> int:
        """Move on by at most ``steps``, only to where the heart gives in; return those taken."""
        taken = int(self._live(steps))
        self.steps += taken
        return taken

    def _live(self, steps: int) -> int:
        return int(
            advance(self.patients, self.knobs, self.values, self.course, self.ramps, self._layers,
                    self._count, self._sums, LIMITS, steps)
        )  # fmt: skip

    def get(self, name: str) -> float:
        """Return a field of the patient or a knob; ValueError when there is none."""
        return self.reader(name)()

    def reader(self, name: str) -> Callable[[], float]:
        """Return what reads a field or a knob as it is then; ValueError when there is none."""
        read = self._readers.get(name)
        if read is None:
            raise ValueError(f"no variable {name!r} in the patient")
        return read

    def put(self, name: str, value: float) -> None:
        """Set a field of the patient record: for actions and the rhythm."""
        self._fields[FIELD_INDEX[name]] = value

    def restart_beats(self) -> None:
        """Have ``hr`` be what the rhythm and the nerves make it now, before the next step."""
        self.put("hr", beats_per_minute(self.patients[0], self.knobs[0]))

    def turn(self, name: str, value: float, over_s: float = 0.0) -> None:
        """Turn the course of a knob to ``value`` at once or along a line.

        What actions did to the knob stays on top of it. ValueError outside its range.
        """
        index = KNOB_INDEX.get(name, -1)
        value = checked(name, value)
        steps = round(over_s * STEPS_PER_S)
        if steps <= 0:
            self.course[index] = value
            self.ramps[index] = 0.0
            self._combine()
        else:
            self.ramps[index] = ((value - self.course[index]) / steps, steps, value)

    def course_of(self, name: str) -> float:
        """Return a knob as it would be had nothing been done."""
        return float(self.course[KNOB_INDEX[name]])

    def lay(self, layer: Layer) -> None:
        """Lay the effect of an action over the course of a knob."""
        if self._count >= MOST // 2:
            self._put_layers(tidied(self._layers[: self._count]))
        if self._count >= MOST:
            raise Invalid(f"{MOST} effects at a time are more than one body can have")
        self._layers[self._count] = layer.row(STEPS_PER_S)
        self._count += 1
        self._combine()

    def _put_layers(self, rows: NDArray[np.float64]) -> None:
        self._count = len(rows)
        self._layers[: self._count] = rows

    def _combine(self) -> None:
        combine(self.course, self._layers, self._count, self._sums, LIMITS, self.values)

    def snapshot(self) -> Snapshot:
        """Return all that there is to continue from."""
        layers = self._layers[: self._count]
        return Snapshot(
            self.steps, self.patients.tobytes(), self.knobs.tobytes(), self.course.tobytes(),
            self.ramps.tobytes(), layers.tobytes(),
        )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Go back (or forth) to a snapshot."""
        self.steps = snapshot.steps
        self.patients[:] = np.frombuffer(snapshot.patient, PATIENT_DTYPE)
        self.knobs[:] = np.frombuffer(snapshot.knobs, KNOB_DTYPE)
        self.course[:] = np.frombuffer(snapshot.course)
        self.ramps[:] = np.frombuffer(snapshot.ramps).reshape(self.ramps.shape)
        self._put_layers(np.frombuffer(snapshot.layers).reshape(-1, COLUMNS))

    def would_beat_on(self, seconds: float) -> bool:
        """Return whether a heart that beat again now would still do after ``seconds``.

        Tried on the body itself, which is then put back: pressure, oxygen and potassium decide.
        """
        before = self.snapshot()
        p = self.patients[0]
        p["pulse"], p["rhythm_gain"], p["conduction"], p["fixed_hr"] = 1.0, 1.0, 1.0, 0.0
        p["cpr"] = p["breath_block"] = p["low_s"] = p["kalaemia_s"] = p["hypokalaemia_s"] = 0.0
        p["rosc_s"] = STEP_S
        whole = round(seconds * STEPS_PER_S)
        beats = self._live(whole) == whole and not _failing(p)
        self.restore(before)
        return beats
