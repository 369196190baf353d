"""A patient's small health record: what earlier visits left on paper, which may be old or lacking.

    record:
      visits: [{days: 240, en: "...", hi: "..."}]
      results: [{item: haemoglobin, days: 30, en: "9.8 g/dL", hi: "9.8 g/dL"}]
      medicines: {en: "...", hi: "..."}
      allergies: {en: "Nothing written.", hi: "..."}

``days`` count back from the begin of the case. The record is what a clerk brings, before anybody
was asked; the truth is with the patient (`read_answers`).
"""

from typing_extensions import TypedDict

from teleward_simulators.cases.answers.items import TEST, catalogue
from teleward_simulators.cases.fields import choice, known, languages, mapping, rows, whole
from teleward_simulators.cases.lined_yaml import Table
from teleward_simulators.cases.model import LANGUAGES, HealthRecord, RecordEntry

MOST_DAYS = 36_500


class ShownVisit(TypedDict):
    """An earlier visit, ``days`` before the begin of the case."""

    days: int
    text: dict[str, str]


class ShownResult(TypedDict):
    """An earlier result with the label of its test."""

    days: int
    text: dict[str, str]
    label: dict[str, str]


class ShownRecord(TypedDict):
    """A health record as JSON values; texts by language."""

    visits: list[ShownVisit]
    results: list[ShownResult]
    medicines: dict[str, str]
    allergies: dict[str, str]


def record_of(table: Table) -> HealthRecord | None:
    """Return the health record of a case, None when the patient comes without one."""
    if "record" not in table:
        return None
    row = mapping(table, "record", {"visits", "results", "medicines", "allergies"})
    for key in ("medicines", "allergies"):
        if key not in row:
            raise row.fail(f"record: the key {key!r} is missing")
    return HealthRecord(
        visits=_entries(row, "visits"),
        results=_entries(row, "results"),
        medicines=languages(row, "medicines"),
        allergies=languages(row, "allergies"),
    )


def _entries(row: Table, name: str) -> tuple[RecordEntry, ...]:
    """Return the entries of a list, the newest first."""
    keys = {"days", *LANGUAGES} | ({"item"} if name == "results" else set())
    found = [_entry(each, name == "results") for each in rows(row, name, keys)]
    return tuple(sorted(found, key=lambda entry: entry.days))


def _entry(row: Table, is_result: bool) -> RecordEntry:
    known(row, {"days", "item", *LANGUAGES})
    texts = {language: str(row.get(language, "")).strip() for language in LANGUAGES}
    for language, text in texts.items():
        if not text:
            raise row.fail(f"the entry is missing in {language!r}")
    tests = [item.id for item in catalogue().values() if item.kind == TEST]
    if is_result and "item" not in row:
        raise row.fail("the key 'item' is missing")
    item = choice(row, "item", tests, "") if is_result else ""
    return RecordEntry(whole(row, "days", 0, MOST_DAYS), texts, item)


def shown(record: HealthRecord | None) -> ShownRecord | None:
    """Return a record as JSON values for a page; labels of results in every language."""
    if record is None:
        return None
    return {
        "visits": [{"days": entry.days, "text": entry.text} for entry in record.visits],
        "results": [
            {"days": entry.days, "text": entry.text, "label": dict(catalogue()[entry.item].label)}
            for entry in record.results
        ],
        "medicines": record.medicines,
        "allergies": record.allergies,
    }
