"""Patients of this layer by name, as devices measure them.

physiology:NAME     a person of `physiology.people`, or a normal adult in the rhythm NAME
case:ID             a case that runs by itself from its start
case:ID@FOLDER/LOG  a case that follows the log of a room, in whatever process the devices are
"""

from pathlib import Path

from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.room_log import LogFollower
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.physiology.people import make_patient
from teleward_simulators.sensors.faults import ActiveFault
from teleward_simulators.sensors.sensed import SensedPatient
from teleward_simulators.source import VitalSource


class CaseBook:
    """The faults of a running case."""

    def __init__(self, director: CaseDirector) -> None:
        self._director = director

    def faults(self) -> tuple[ActiveFault, ...]:
        """Return all faults so far."""
        return self._director.state.faults


def make(spec: str, seed: int) -> VitalSource:
    """Return the source that ``spec`` names; ValueError says what there is."""
    kind, _, name = spec.partition(":")
    if kind == "physiology":
        return SensedPatient(make_patient(name, seed))
    name, _, log = name.partition("@")
    case = case_named(name)
    if log:
        follower = LogFollower(Path(log), case)
        return SensedPatient(follower.patient, CaseBook(follower.director), case.devices)
    patient = make_case_patient(case, seed)
    patient.order(Order(0, "clock", {"speed": case.speed}))
    return sensed(patient, case.devices)


def sensed(patient: PhysiologyPatient, devices: tuple[str, ...] = ()) -> SensedPatient:
    """Return ``patient`` behind its sensors, with the faults of its case."""
    director = patient.director
    book = CaseBook(director) if isinstance(director, CaseDirector) else None
    return SensedPatient(patient, book, devices)
