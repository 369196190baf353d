"""One export from the journal's file into its place: the path of the command and of the API.

journal, registry -> record stream -> writer of the format -> OUT.partial -> OUT
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleward_cloud.exports.formats import find_format, maker_of
from teleward_cloud.exports.research import Cohort, Shown, research
from teleward_cloud.exports.times import iso_ns
from teleward_cloud.exports.writer import EXPORTED, Part, Scope
from teleward_gateway.exporting.journal_file import Damage, JournalFile
from teleward_gateway.exporting.people import read_people
from teleward_gateway.exporting.private_key import research_key
from teleward_gateway.exporting.record_stream import RecordStream
from teleward_gateway.exporting.target import Target, check_free
from teleward_signal.errors import Invalid
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

MANIFEST = "export.json"
Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported; times in UTC ns, half-open, None for all that is kept."""

    format: str
    subject: str
    out: Path
    start_ns: int | None = None
    end_ns: int | None = None
    waves: bool = True
    research: bool = False
    """Without what could name the person, see `teleward_cloud.exports.research`."""


@dataclass(frozen=True, slots=True)
class Source:
    """The gateway whose records they are: its data folder, mode and name."""

    folder: Path
    mode: Provenance
    gateway: str
    ward: str
    version: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an export has written, and what was damaged or does not fit the format."""

    counts: Counter[str]
    damage: Damage
    left_out: Counter[str]
    n_bytes: int
    start_ns: int
    end_ns: int


def export(source: Source, order: Order, progress: Progress = lambda share: None) -> Outcome:
    """Carry an export out; raises TelewardError, or OSError when the disk is full."""
    make_writer = maker_of(find_format(order.format))
    check_free(order.out)
    people = read_people(source.folder / "registry.sqlite")
    subject = people.subject(order.subject)
    journal = JournalFile(source.folder / f"{source.mode.value}.sqlite3")
    try:
        start_ns, end_ns = _range(journal, order)
        scope = Scope(
            source.gateway, source.ward, source.version, source.mode, subject, people.devices,
            start_ns, end_ns, order.waves,
        )  # fmt: skip
        if order.research:
            cohort = Cohort([each.attributes for each in people.subjects.values()])
            make_writer, shown = research(make_writer, research_key(source.folder), cohort)
        writer = make_writer(scope)
        stream = RecordStream(journal, subject.id, start_ns, end_ns, _kinds(order.waves))
        counts: Counter[str] = Counter()
        length_ns = max(1, end_ns - start_ns)
        with Target(order.out) as target:
            target.write(writer.begin())
            for batch in stream.batches(lambda at: progress((at - start_ns) / length_ns)):
                counts.update(record.kind.value for record in batch)
                target.write(writer.write(batch))
            if not counts:
                raise Invalid(_nothing(journal, order.subject, start_ns, end_ns))
            target.write(writer.finish())
            outcome = Outcome(
                counts, journal.damage, writer.left_out, target.n_bytes, start_ns, end_ns
            )
            about = shown if order.research else Shown(scope)
            target.write([_manifest(about, order, outcome)])
            target.commit()
        return outcome
    finally:
        journal.close()


def _kinds(waves: bool) -> frozenset[RecordKind]:
    return EXPORTED if waves else EXPORTED - {RecordKind.WAVEFORM}


def _range(journal: JournalFile, order: Order) -> tuple[int, int]:
    """Return the range of an order; what it leaves open is all that is kept."""
    if order.start_ns is not None and order.end_ns is not None and order.start_ns >= order.end_ns:
        raise Invalid(
            f"the range is empty: {iso_ns(order.start_ns)} is not before {iso_ns(order.end_ns)}"
        )
    reach = journal.reach()
    if reach is None:
        raise Invalid(f"no records of {order.subject}: this gateway has recorded nothing yet")
    start_ns = reach[0] if order.start_ns is None else order.start_ns
    end_ns = reach[1] if order.end_ns is None else order.end_ns
    if start_ns >= end_ns:
        raise Invalid(_nothing(journal, order.subject, start_ns, end_ns))
    return start_ns, end_ns


def _nothing(journal: JournalFile, subject: str, start_ns: int, end_ns: int) -> str:
    found = f"no records of {subject} from {iso_ns(start_ns)} to {iso_ns(end_ns)}"
    reach = journal.reach()
    if reach is None:
        return found
    return f"{found}; records are kept from {iso_ns(reach[0])} to {iso_ns(reach[1])}"


def _manifest(shown: Shown, order: Order, outcome: Outcome) -> Part:
    """Return what the export holds, for people and programs; no word of when or where it was made.

    The same records give the same bytes.
    """
    damage, scope = outcome.damage, shown.scope
    assert scope is not None
    minutes = sorted(
        (start - shown.shift_ns, end - shown.shift_ns) for start, end in set(damage.times)
    )
    document: dict[str, Any] = {
        "teleward_export": 1,
        "about": "A teaching and monitoring aid, not a certified medical device.",
        "format": order.format,
        "version": scope.version,
        "gateway": scope.gateway,
        "provenance": scope.provenance.value,
        "research": order.research,
        "subject": scope.subject.id,
        "from": iso_ns(scope.start_ns),
        "to": iso_ns(scope.end_ns),
        "waveforms": order.waves,
        "records": dict(sorted(outcome.counts.items())),
        "left_out": dict(sorted(outcome.left_out.items())),
        "damaged": {
            "rows": damage.rows,
            "records_of_all_subjects": damage.records,
            "minutes": [[iso_ns(start), iso_ns(end)] for start, end in minutes],
        },
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return Part(MANIFEST, text.encode())
