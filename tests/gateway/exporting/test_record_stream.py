"""The order of records, in bounded memory: late readings, and minutes that are opened twice."""

import random
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.exports.writer import EXPORTED
from teleward_gateway.exporting.journal_file import JournalFile
from teleward_gateway.exporting.record_stream import RecordStream
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records
from teleward_signal.record import RecordKind


@pytest.mark.parametrize("most_held", [0, 20_000, 10**9])
def test_late_readings_come_at_their_time(filled: Any, tmp_path: Path, most_held: int) -> None:
    chance = random.Random(5)
    batches, times = [], []
    for minute in range(6):
        made = Records()
        for second in range(0, 60, 7):
            at_ns = BEGIN_NS + (minute * 60 + second) * NS
            late_ns = BEGIN_NS + chance.randrange(-40_000, 200_000) * NS
            made.value(at_ns, "spo2", 97.0)
            made.value(late_ns, "glucose", 90.0, stored=True)
            times += [at_ns, late_ns]
        batches.append(made)
    filled(*batches)
    journal = JournalFile(tmp_path / "data" / "simulated" / "simulated.sqlite3")
    reach = journal.reach()
    assert reach is not None
    stream = RecordStream(journal, "bed-1", *reach, EXPORTED, most_held)
    found = [record for batch in stream.batches() for record in batch]
    journal.close()
    assert [record.time_ns for record in found] == sorted(times)
    assert len({record.id for record in found}) == len(times)
    assert journal.damage.rows == 0


def test_a_note_stands_at_the_moment_it_is_about(filled: Any, tmp_path: Path) -> None:
    made = Records()
    made.value(BEGIN_NS, "spo2", 97.0)
    note = {"action": "note", "author": "nurse", "text": "cough", "at_ns": BEGIN_NS + NS}
    made.add(RecordKind.AUDIT, BEGIN_NS + 9 * NS, None, note)
    made.add(RecordKind.AUDIT, BEGIN_NS + 9 * NS, None, {"action": "login", "author": "nurse"})
    filled(made)
    journal = JournalFile(tmp_path / "data" / "simulated" / "simulated.sqlite3")
    stream = RecordStream(journal, "bed-1", BEGIN_NS, BEGIN_NS + 5 * NS, EXPORTED)
    found = [record for batch in stream.batches() for record in batch]
    journal.close()
    assert [record.kind for record in found] == [RecordKind.MEASUREMENT, RecordKind.ANNOTATION]
    assert found[1].payload == {"symbol": '"', "label": "cough", "author": "nurse"}
