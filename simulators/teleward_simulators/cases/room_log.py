"""The log of a room: what was done to its patient and when, one JSON object a line.

    {"room": "ABC234", "case": "...", "version": 1, "seed": 7, "exam": false, "opened_s": 12.5}
    {"tick": 0, "kind": "clock", "data": {"speed": 0}}
    {"tick": 84, "kind": "act", "data": {"name": "oxygen", "dose": "10 L/min"}, "by": "instructor"}
    {"rewind": 600, "behind_s": 31.25}

The room (in the gateway) writes it; simulated devices in another process follow it. Case, seed and
orders fix every sample, so both live the same patient without exchanging a single value. An order
that is read late is worked in by living the time since again. ``opened_s`` is the `time.monotonic`
at which the room opened: tick 0 of the patient and second zero of its devices. Devices cannot go
back: after a rewind their time runs ``behind_s`` ahead of the patient's.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from teleward_signal.errors import Invalid
from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.model import Case
from teleward_simulators.cases.runner import CaseDirector, make_case_patient
from teleward_simulators.physiology.patient import Order, PhysiologyPatient


class RoomLog:
    """Writes the log of one room."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(header) + "\n", encoding="utf-8")
        os.chmod(path, 0o600)

    def add(self, order: Order, by: str) -> None:
        """Append an order."""
        self._write({"tick": order.tick, "kind": order.kind, "data": order.data, "by": by})

    def rewind(self, tick: int, behind_s: float) -> None:
        """Append that everything from ``tick`` on is forgotten, ``behind_s`` after devices' time.

        The patient is behind its devices by so much from now on.
        """
        self._write({"rewind": tick, "behind_s": behind_s})

    def _write(self, row: dict[str, Any]) -> None:
        # one write call: a reconciler never sees half a line of two orders
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a log; ValueError names the line that is none."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise Invalid(f"{path}:{number}: not a row of a room's log: {error}") from None


def replay(path: Path) -> PhysiologyPatient:
    """Return the patient of a log, with every order that was not rewound, at time 0."""
    rows = list(read_rows(path))
    header = rows[0]
    patient = make_case_patient(case_named(header["case"]), header["seed"], header["exam"])
    for row in rows[1:]:
        take(patient, row)
    return patient


def take(patient: PhysiologyPatient, row: dict[str, Any]) -> None:
    """Carry out one row of a log."""
    if "rewind" in row:
        patient.rewind(int(row["rewind"]))
    else:
        patient.order(Order(int(row["tick"]), row["kind"], row["data"]))


class LogFollower:
    """Follows the log at ``path``: `poll`, then ask ``patient`` by its own time."""

    def __init__(self, path: Path, case: Case) -> None:
        self._path = path
        self._position = 0
        header = self._header()
        seed, exam = int(header.get("seed", 0)), bool(header.get("exam", False))
        self.patient = make_case_patient(case, seed, exam)
        assert isinstance(self.patient.director, CaseDirector)
        self.director = self.patient.director
        self.behind_s = 0.0
        """How far the patient's time is behind that of its devices."""

    def _header(self) -> dict[str, Any]:
        try:
            first = next(read_rows(self._path))
        except (OSError, StopIteration):
            raise Invalid(f"{self._path}: no room's log there; open the room first") from None
        with self._path.open("rb") as file:
            self._position = len(file.readline())
        return first

    def poll(self) -> None:
        """Take what was written since."""
        if self._path.stat().st_size <= self._position:
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            while (line := file.readline()).endswith(b"\n"):
                self._position += len(line)
                row = json.loads(line)
                take(self.patient, row)
                self.behind_s = float(row.get("behind_s", self.behind_s))
