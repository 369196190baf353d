"""A recording as history: its records into the journal of a gateway that does not run.

    export folder   tables as they are; signals of .hea, .edf and .bdf files; marks of the tables
    other files     signals, with the marks in them

Records go in a minute at a time, each minute a span of its own, so that history of months is found
as quickly as that of a month that was lived. Their boot is one of its own: no correction of the
gateway's clock moves them.
"""

import asyncio
import heapq
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from teleward_gateway.clock import GatewayClock
from teleward_gateway.importing.signals import edf_drafts, wfdb_drafts
from teleward_gateway.importing.tables import TABLE_FILES, read_table
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.registry.model import Subject
from teleward_gateway.registry.store import Registry
from teleward_signal.errors import Invalid, Unavailable
from teleward_signal.model import Provenance
from teleward_signal.record import Draft

MINUTE_NS = 60_000_000_000
MOST_DRAFTS = 20_000
"""Of a minute that go in at once; the queue of the journal holds five times as many."""
SIGNAL_ENDINGS = (".hea", ".edf", ".bdf")
MARK_TABLES = ("annotations.csv", "alarms.csv")
Keyed = tuple[int, int, Draft]


@dataclass(frozen=True, slots=True)
class Recording:
    """What is to be imported, and as whose; ``at_ns`` is the begin of files without a date."""

    path: Path
    subject: str
    at_ns: int | None = None


def import_history(
    folder: Path, mode: Provenance, gateway: str, recording: Recording, max_bytes: int
) -> Counter[str]:
    """Import a recording; return how many records of each kind.

    Raises Invalid for files that cannot be read, JournalInUse while the gateway runs.
    """
    _check(recording, mode)
    drafts = _drafts(recording, mode)
    first = next(drafts, None)  # what cannot be read is refused before anything is written
    if first is None:
        raise Invalid(f"{recording.path} has nothing that can be imported")
    clock = GatewayClock(boot=secrets.token_hex(8))
    config = JournalConfig(max_bytes=max_bytes, span_s=0.0, join=False)
    journal = Journal.open(folder, gateway=gateway, provenance=mode, clock=clock, config=config)
    try:
        _admit(folder, mode, recording.subject, clock)
        return asyncio.run(_write(journal, chain((first,), drafts)))
    finally:
        journal.close()


async def _write(journal: Journal, drafts: Iterable[Draft]) -> Counter[str]:
    counts: Counter[str] = Counter()
    minute, waiting = None, 0
    for draft in drafts:
        own = (draft.time_ns or 0) // MINUTE_NS
        if waiting and (own != minute or waiting == MOST_DRAFTS):
            await _commit(journal)
            waiting = 0
        minute = own
        journal.append(draft)
        counts[draft.kind.value] += 1
        waiting += 1
    await _commit(journal)
    return counts


async def _commit(journal: Journal) -> None:
    if not await journal.flush():
        raise Unavailable(
            "the journal cannot be written now; what came before is imported: make room, then "
            "import again as another subject"
        )


def _check(recording: Recording, mode: Provenance) -> None:
    path = recording.path
    if not path.exists():
        raise Invalid(f"{path} does not exist")
    manifest = path / "export.json"
    if path.is_dir() and manifest.exists():
        try:
            stated = json.loads(manifest.read_text(encoding="utf-8")).get("provenance")
        except (ValueError, AttributeError) as error:
            raise Invalid(f"{manifest} is damaged: {error}") from error
        if stated != mode.value:
            raise Invalid(_mixed(path, str(stated), mode))


def _mixed(path: Path, stated: str, mode: Provenance) -> str:
    return (
        f"{path} is {stated} and this gateway is {mode.value}: real and simulated patients never "
        "share a gateway's data"
    )


def _drafts(recording: Recording, mode: Provenance) -> Iterator[Draft]:
    """Yield everything in order of time; each file is in order already, or small."""
    merged = heapq.merge(*_sources(recording, mode), key=lambda each: each[:2])
    for _, _, draft in merged:
        yield draft


def _sources(recording: Recording, mode: Provenance) -> Iterator[Iterator[Keyed]]:
    path, subject = recording.path, recording.subject
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    names = {file.name for file in files}
    with_marks = not names & set(MARK_TABLES)
    known = [f for f in files if f.name in TABLE_FILES or f.suffix in SIGNAL_ENDINGS]
    if not known:
        raise Invalid(
            f"{path} has no table of an export, no .hea, .edf or .bdf file: nothing is imported"
        )
    for number, file in enumerate(known):
        if file.name in TABLE_FILES:
            yield _rows(file, subject)
            continue
        found = (
            wfdb_drafts(file, subject, recording.at_ns, with_marks)
            if file.suffix == ".hea"
            else edf_drafts(file, subject, with_marks)
        )
        yield from _signals(number, file, found, mode)


def _signals(
    number: int, file: Path, found: Iterator[tuple[Draft, bool]], mode: Provenance
) -> Iterator[Iterator[Keyed]]:
    drafts = []
    for draft, is_simulated in found:
        if is_simulated and mode is Provenance.FIELD:
            raise Invalid(_mixed(file, "simulated", mode))
        drafts.append(draft)
    drafts.sort(key=lambda draft: draft.time_ns or 0)
    yield _keyed(number, iter(drafts))


def _rows(file: Path, subject: str) -> Iterator[Keyed]:
    """Yield the rows of a table; records of one moment keep the order that they had."""
    for number, draft in read_table(file, TABLE_FILES[file.name], subject):
        yield draft.time_ns or 0, number, draft


def _keyed(number: int, drafts: Iterator[Draft]) -> Iterator[Keyed]:
    return ((draft.time_ns or 0, number, draft) for draft in drafts)


def _admit(folder: Path, mode: Provenance, name: str, clock: GatewayClock) -> None:
    """Admit the subject of a recording; raises Invalid where there is one of that id."""
    registry = Registry(folder / "registry.sqlite", mode, clock=clock)
    try:
        if any(subject.id == name for subject in registry.subjects(True)):
            raise Invalid(
                f"subject {name} exists: a recording is a subject of its own, choose another id"
            )
        registry.admit(Subject(name, "Imported recording", mode), author="import")
    finally:
        registry.close()
