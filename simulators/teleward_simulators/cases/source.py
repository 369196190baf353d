"""Patients of this layer by name, as devices measure them.

physiology:NAME     a person of `physiology.people`, or a normal adult in the rhythm NAME
case:ID             a case that runs by itself from its start
case:ID@FOLDER/LOG  a case that follows the log of a room, in whatever process the devices are
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.room_log import LogFollower
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.physiology.people import make_patient
from teleward_simulators.physiology.vital import Given
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


class RoomPatient:
    """The patient of a room as its devices see one, asked by the devices' time.

    The devices' time never goes back. When the room is rewound, what they ask for next comes from
    before, without a hole in their samples.
    """

    def __init__(self, log: Path, case: Case) -> None:
        self._reconciler = LogFollower(log, case)
        book = CaseBook(self._reconciler.director)
        self.sensed = SensedPatient(self._reconciler.patient, book, case.devices)

    def metrics(self) -> frozenset[str]:
        """Return what can be measured."""
        return self.sensed.metrics()

    def numeric(self, metric: str, time_s: float) -> float | None:
        """Return the reading, None where the device shows dashes."""
        return self.sensed.numeric(metric, time_s - self._behind_s())

    def waveform(self, metric: str, fs: float, first: int, count: int) -> NDArray[np.float32]:
        """Return samples with what faults do to them, float32, shape (count,)."""
        shift = round(self._behind_s() * fs)
        return self.sensed.waveform(metric, fs, first - shift, count)

    def beats(self, start_s: float, end_s: float) -> list[float]:
        """Return the true R peaks in the devices' time: for tests."""
        behind_s = self._behind_s()
        found = self.sensed.beats(start_s - behind_s, end_s - behind_s)
        return [beat + behind_s for beat in found]

    def treatments(self, after_s: float, until_s: float) -> list[tuple[float, Given]]:
        """Return what was done to the patient in (after_s, until_s] of the devices' time."""
        behind_s = self._behind_s()
        found = self.sensed.treatments(after_s - behind_s, until_s - behind_s)
        return [(at_s + behind_s, given) for at_s, given in found]

    def faults(self, sensor: str, time_s: float) -> dict[str, ActiveFault]:
        """Return the faults of a sensor at a time by kind, in the patient's time."""
        return self.sensed.faults(sensor, time_s - self._behind_s())

    def _behind_s(self) -> float:
        self._reconciler.poll()
        return self._reconciler.behind_s


def make(spec: str, seed: int) -> VitalSource:
    """Return the source that ``spec`` names; ValueError lists the choices."""
    kind, _, name = spec.partition(":")
    if kind == "physiology":
        return SensedPatient(make_patient(name, seed))
    name, _, log = name.partition("@")
    case = case_named(name)
    if log:
        return RoomPatient(Path(log), case)
    patient = make_case_patient(case, seed)
    patient.order(Order(0, "clock", {"speed": case.speed}))
    return sensed(patient, case.devices)


def sensed(patient: PhysiologyPatient, devices: tuple[str, ...] = ()) -> SensedPatient:
    """Return ``patient`` behind its sensors, with the faults of its case."""
    director = patient.director
    book = CaseBook(director) if isinstance(director, CaseDirector) else None
    return SensedPatient(patient, book, devices)
