"""Writes and reads the files of a gateway, with the version whose modules are on the path.

    python files.py write FOLDER NAME     50 values of a subject NAME, who is admitted; an account
    python files.py read FOLDER           prints what is on record, as JSON

Only what every version has is used.
"""

import json
import sys
from pathlib import Path

import teleward_gateway
from teleward_gateway.access.database import AccessFile
from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal
from teleward_gateway.registry import Registry
from teleward_gateway.registry.model import Subject
from teleward_signal.model import Provenance
from teleward_signal.record import Draft, RecordKind

FIELD = Provenance.FIELD


def main(action: str, folder: Path, name: str = "") -> None:
    """Write or read."""
    journal = Journal.open(folder, gateway="g", provenance=FIELD, clock=GatewayClock())
    registry, access = Registry(folder / "registry.sqlite", FIELD), AccessFile(folder)
    if action == "write":
        for n in range(50):
            journal.append(
                Draft(RecordKind.MEASUREMENT, name, "ox", "spo2", payload={"value": 90.0 + n % 10})
            )
        registry.admit(Subject(name, name, FIELD, bed=f"bed-{name}"))
    journal.close()
    again = Journal.open(folder, gateway="g", provenance=FIELD, clock=GatewayClock())
    stats = again.stats()
    found = {
        "sources": str(Path(teleward_gateway.__file__).parents[2]),
        "records": stats.records,
        "problem": stats.problem,
        "subjects": sorted(subject.id for subject in registry.subjects()),
        "registry": registry.health()["error"],
        "accounts": len(access.read("SELECT * FROM accounts")),
    }
    again.close()
    registry.close()
    access.close()
    print(json.dumps(found))


main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
