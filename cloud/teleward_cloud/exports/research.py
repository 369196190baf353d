"""Research exports: records of a person without what could name the person, in any format.

    ids            subject, devices, gateway and journal become pseudonyms (HMAC with a secret key)
    times          shifted back by whole weeks, the same for all records of one subject
    age            a group of ten years, or wider until `FEWEST` subjects of the gateway share it
    texts          notes, authors, labels, addresses and serial numbers are dropped
    what remains   closed words (metrics, reasons, conditions), numbers and samples

The key stays on the gateway, so that two exports of one subject fit together and nobody else can
undo the shift. A release still needs a person's judgement: the waveform of a heart is its own.
"""

import csv
import hashlib
import hmac
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from teleward_cloud.exports.tables import TABLES
from teleward_cloud.exports.writer import (
    ExportedDevice,
    ExportedSubject,
    MakeWriter,
    Part,
    Scope,
    Writer,
)
from teleward_signal.age_profile import years_of
from teleward_signal.errors import Invalid
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind
from teleward_signal.vocabulary import METRICS

CONSENT = "research_consent"
"""The attribute of a subject that records consent: true, or a text such as its date."""
FEWEST = 5
"""Subjects that share an age group before it is stated: below, one of them is easily found."""
LEAST_WEEKS, MOST_WEEKS = 52, 520
WEEK_NS = 7 * 86_400 * 1_000_000_000
GATEWAY = "research"
PIECE = 6
"""Letters in a row of a name, number or address that must not appear."""
_NUMBERS = {
    RecordKind.MEASUREMENT: ("value", "quality", "valid_s"),
    RecordKind.WAVEFORM: ("fs", "scale", "offset", "index", "gap_samples"),
    RecordKind.ALARM: ("value", "limit"),
    RecordKind.DEVICE: ("battery_percent",),
    RecordKind.ANNOTATION: (),
}
_WORDS = {
    RecordKind.MEASUREMENT: ("reason", "source"),
    RecordKind.WAVEFORM: ("dtype",),
    RecordKind.ALARM: ("condition", "kind", "priority", "presence"),
    RecordKind.DEVICE: ("state",),
    RecordKind.ANNOTATION: ("symbol", "label"),
}
"""What is kept of a payload, by kind; everything else is dropped."""
NOTE = '"'


@dataclass(frozen=True, slots=True)
class Cohort:
    """Whom the subject could be taken for: the attributes of all subjects of the gateway."""

    attributes: Sequence[Mapping[str, Any]]


def check_consent(scope: Scope) -> None:
    """Raise Invalid for a real person who has not agreed to research, as far as is recorded."""
    if scope.provenance is Provenance.FIELD and not scope.subject.attributes.get(CONSENT):
        raise Invalid(
            f"no consent to research is on record for {scope.subject.id}: record it as the "
            f"attribute {CONSENT} of the subject, then export again"
        )


class Pseudonyms:
    """Turns ids and times of one subject into others; the same key gives the same."""

    def __init__(self, key: bytes, scope: Scope) -> None:
        self._key, self._scope = key, scope
        drawn = int.from_bytes(self._digest("shift", scope.subject.id)[:4], "big")
        weeks = LEAST_WEEKS + drawn % (MOST_WEEKS - LEAST_WEEKS)
        self.shift_ns = weeks * WEEK_NS
        self.subject = self.of("subject", scope.subject.id)
        self._pieces = pieces_of(scope)
        self._plain: dict[str, bool] = {}

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name: its kind's letter and ten digits."""
        number = int.from_bytes(self._digest(kind, name)[:8], "big") % 10**10
        return f"{kind[0]}{number:010d}"

    def is_plain(self, text: str) -> bool:
        """Return whether a text has no piece of a name, number or address."""
        if text not in self._plain:
            known = text.casefold()
            self._plain[text] = not any(piece in known for piece in self._pieces)
        return self._plain[text]

    def scope(self, age_group: str | None) -> Scope:
        """Return the scope of the export without what names anybody."""
        known = self._scope
        attributes = {} if age_group is None else {"age_group": age_group}
        devices = {
            (name := self.of("device", each.id)): ExportedDevice(
                name, "", each.driver, "", each.provenance
            )
            for each in known.devices.values()
        }
        return replace(
            known,
            gateway=GATEWAY,
            ward="",
            subject=ExportedSubject(self.subject, "", attributes, 0, None),
            devices=devices,
            start_ns=known.start_ns - self.shift_ns,
            end_ns=known.end_ns - self.shift_ns,
        )

    def _digest(self, kind: str, name: str) -> bytes:
        return hmac.new(self._key, f"{kind}\0{name}".encode(), hashlib.sha256).digest()


def pieces_of(scope: Scope) -> frozenset[str]:
    """Return every `PIECE` letters in a row of what identifies: names, numbers and addresses."""
    texts = [scope.gateway, scope.ward, scope.subject.id, scope.subject.label]
    texts += _texts(scope.subject.attributes)
    for each in scope.devices.values():
        texts += [each.id, each.label, each.address]
    found: set[str] = set()
    for text in texts:
        known = text.casefold()
        found.update(known[at : at + PIECE] for at in range(len(known) - PIECE + 1))
    return frozenset(found)


def _texts(value: Any) -> list[str]:
    """Return the texts in the values of attributes, numbers as they are written."""
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


class ResearchWriter:
    """Hands records without identity to the writer of a format, and adds report and dictionary."""

    def __init__(self, inner: Writer, names: Pseudonyms, report: Mapping[str, Any]) -> None:
        self._inner, self._names, self._report = inner, names, report
        self.left_out: Counter[str] = Counter()
        self._number = 0

    def begin(self) -> Iterable[Part]:
        """Return the report, the dictionary and what the format begins with."""
        report = json.dumps(self._report, indent=2, ensure_ascii=False) + "\n"
        yield Part("k_anonymity.json", report.encode())
        yield Part("dictionary.csv", dictionary().encode())
        yield from self._inner.begin()

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Write records without what identifies."""
        kept = [made for record in records if (made := self._cleaned(record)) is not None]
        yield from self._inner.write(kept)

    def finish(self) -> Iterable[Part]:
        """Return what the format ends with."""
        yield from self._inner.finish()
        self.left_out.update(self._inner.left_out)

    def _cleaned(self, record: Record) -> Record | None:
        if record.kind is RecordKind.ANNOTATION and record.payload.get("symbol") == NOTE:
            self.left_out["notes of people"] += 1
            return None
        if record.metric is not None and record.metric not in METRICS:
            self.left_out["metrics that are not in the dictionary"] += 1
            return None
        names, shift_ns = self._names, self._names.shift_ns
        self._number += 1
        return replace(
            record,
            id=RecordId(GATEWAY, GATEWAY, self._number, 0),
            time_ns=record.time_ns - shift_ns,
            monotonic_ns=0,
            boot="",
            subject=names.subject,
            device=None if record.device is None else names.of("device", record.device),
            payload=self._payload(record),
        )

    def _payload(self, record: Record) -> dict[str, Any]:
        """Return numbers and closed words of a payload; times are shifted as the record is."""
        known = record.payload
        kept: dict[str, Any] = {}
        for key in _NUMBERS.get(record.kind, ()):
            value = known.get(key)
            if key in known and (value is None or isinstance(value, int | float)):
                kept[key] = value
        for key in _WORDS.get(record.kind, ()):
            value = known.get(key)
            if isinstance(value, str) and value:
                if self._names.is_plain(value):
                    kept[key] = value
                else:
                    self.left_out["texts with a piece of a name"] += 1
        if known.get("stored"):
            kept["stored"] = True
        if isinstance(known.get("until_ns"), int):
            kept["until_ns"] = known["until_ns"] - self._names.shift_ns
        if record.kind is RecordKind.DEVICE:
            kept["faults"] = [
                each for each in known.get("faults", ()) if self._names.is_plain(each)
            ]
        return kept


def research(make_writer: MakeWriter, key: bytes, cohort: Cohort) -> tuple[MakeWriter, "Shown"]:
    """Return what makes the writer of a research export, and where its scope stands then."""
    shown = Shown()

    def make(scope: Scope) -> Writer:
        check_consent(scope)
        names = Pseudonyms(key, scope)
        report = anonymity(scope.subject, cohort)
        shown.scope = names.scope(report["age_group"])
        shown.shift_ns = names.shift_ns
        return ResearchWriter(make_writer(shown.scope), names, report)

    return make, shown


@dataclass(slots=True)
class Shown:
    """The scope as a research export shows it, and by how much its times are earlier."""

    scope: Scope | None = None
    shift_ns: int = 0


def anonymity(subject: ExportedSubject, cohort: Cohort) -> dict[str, Any]:
    """Return how many subjects share the age group that is stated: k-anonymity.

    The group is widened until `FEWEST` share it; where too few do, none is stated.
    """
    everyone = [groups_of(each) for each in cohort.attributes]
    own = groups_of(subject.attributes)
    chosen, k = None, len(everyone)
    for width, group in enumerate(own):
        sharing = sum(each[width] == group for each in everyone)
        if sharing >= FEWEST:
            chosen, k = group, sharing
            break
    return {
        "quasi_identifiers": ["age_group"],
        "age_group": chosen,
        "k": k,
        "subjects_of_the_gateway": len(everyone),
        "k_wanted": FEWEST,
        "is_enough": k >= FEWEST,
        "about": "k is the number of subjects of this gateway whom the stated attributes fit. "
        "Dates are shifted by a secret number of weeks. Waveforms can identify a person who is "
        "on record elsewhere: judge every release.",
    }


def groups_of(attributes: Mapping[str, Any]) -> tuple[str, str]:
    """Return the age groups of a person, narrow to wide: ten years, then child or adult."""
    try:
        years = years_of(attributes.get("age"))
    except Invalid:
        years = None
    if years is None:
        return "not known", "not known"
    decade = int(years // 10) * 10
    narrow = "90 and over" if decade >= 90 else f"{decade} to {decade + 9}"
    return narrow, "adult" if years >= 18 else "child"


def dictionary() -> str:
    """Return the data dictionary: every column of every table, then every metric."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["table", "name", "type", "unit", "meaning"])
    for table in TABLES.values():
        for column in table.columns:
            rows.writerow([table.name, column.name, column.type.value, column.unit, column.meaning])
    for metric in METRICS.values():
        codes = f"MDC {metric.mdc or 'none'}, LOINC {metric.loinc or 'none'}"
        rows.writerow(["metric", metric.name, metric.kind.value, metric.unit, codes])
    return written.getvalue()
