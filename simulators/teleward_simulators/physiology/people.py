"""Ready-made people for `physiology:NAME`: a body without a case, for demos and load tests."""

from teleward_signal.errors import Invalid
from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.physiology.person import Person
from teleward_simulators.rhythms.table import RHYTHMS

PEOPLE: dict[str, tuple[Person, dict[str, float]]] = {
    "normal": (Person(), {}),
    "child": (Person(age=2, wt_kg=12, hr0=112, map0=66, rr0=27, hb=11), {}),
    "newborn": (
        Person(
            age=0.02,
            wt_kg=3.2,
            hb=17,
            hr0=135,
            map0=46,
            rr0=42,
            pulse_pressure=24,
            glucose=70,
            volume_ml_per_kg=85,
        ),
        {},
    ),
    "elderly": (Person(age=78, sex="M", hr0=70, map0=98, pulse_pressure=58), {"baro": 0.6}),
    "pregnant": (Person(age=24, wt_kg=62, hb=10.5, hr0=86, map0=84, volume_ml_per_kg=95), {}),
    "febrile": (Person(age=45, temperature=38.9), {"t_set": 39.2, "sirs": 0.04}),
}
"""Name -> who, and the knobs turned at the start. A newborn's figures after Fleming et al.
(Lancet 2011, rates) and Kent et al. (Pediatr Nephrol 2007, mean pressure)."""


def make_patient(name: str, seed: int) -> PhysiologyPatient:
    """Return the patient ``name``, or a normal adult in the rhythm ``name``; else ValueError."""
    if name in RHYTHMS:
        return PhysiologyPatient(seed=seed, rhythm=name)
    if name not in PEOPLE:
        known = ", ".join((*PEOPLE, *RHYTHMS))
        raise Invalid(f"source 'physiology:{name}': there are {known}")
    person, knobs = PEOPLE[name]

    def prepare(body: Body) -> None:
        for knob, value in knobs.items():
            body.turn(knob, value)

    return PhysiologyPatient(person, seed, prepare=prepare)
