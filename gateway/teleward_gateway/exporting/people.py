"""Subjects and devices of a gateway for an export, from the registry's file, read-only."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from teleward_cloud.exports.writer import ExportedDevice, ExportedSubject
from teleward_gateway.registry.history import History
from teleward_signal.errors import Invalid, NotFound, Unavailable

SHOWN = 12
"""Subjects that an error names."""


@dataclass(frozen=True, slots=True)
class People:
    """Who was ever admitted, and every device there ever was, by id."""

    subjects: Mapping[str, ExportedSubject]
    devices: Mapping[str, ExportedDevice]

    def subject(self, name: str) -> ExportedSubject:
        """Return a subject, also one who was discharged; raises NotFound."""
        if name not in self.subjects:
            known = sorted(self.subjects)
            more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
            listed = ", ".join(known[:SHOWN]) + more if known else "nobody yet"
            raise NotFound(f"no subject {name!r} on this gateway; there are: {listed}")
        return self.subjects[name]


def read_people(path: Path) -> People:
    """Read the registry in ``path``; raises Invalid or Unavailable with a remedy."""
    if not path.exists():
        raise Invalid(
            f"there is no registry at {path}: start the gateway once, or check gateway.data_folder"
        )
    try:
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=5.0)) as database:
            database.row_factory = sqlite3.Row
            history = History.load(database)
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise Unavailable(
            f"{path} cannot be read ({error}): start the gateway once, it repairs its registry"
        ) from error
    subjects = {
        each.id: ExportedSubject(
            each.id, each.label, each.attributes, each.admitted_ns, each.discharged_ns
        )
        for each in history.subjects.values()
    }
    devices = {
        each.id: ExportedDevice(each.id, each.label, each.driver, each.address, each.provenance)
        for each in (*history.former.values(), *history.devices.values())
    }
    return People(subjects, devices)
