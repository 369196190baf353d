"""The small health record of a case: read with line numbers, shown newest first, old by nature."""

from pathlib import Path

import pytest

from teleward_simulators.cases.health_record import record_of, shown
from teleward_simulators.cases.lined_yaml import CaseError, read

GOOD = """record:
  visits:
    - {days: 700, en: "Wheals after a tablet.", hi: "गोली के बाद दाने।"}
    - {days: 40, en: "Knee pain.", hi: "घुटने का दर्द।"}
  results:
    - {item: haemoglobin, days: 30, en: "9.8 g/dL", hi: "9.8 g/dL"}
  medicines: {en: "None.", hi: "कोई नहीं।"}
  allergies: {en: "Nothing written.", hi: "कुछ नहीं लिखा।"}
"""


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_record_is_shown_newest_first_with_labels_of_its_results(tmp_path: Path) -> None:
    record = shown(record_of(read(table(tmp_path, GOOD))))
    assert record is not None
    assert [visit["days"] for visit in record["visits"]] == [40, 700]
    [result] = record["results"]
    assert result["text"] == {"en": "9.8 g/dL", "hi": "9.8 g/dL"}
    assert set(result["label"]) >= {"en", "hi"}
    assert record["allergies"]["en"] == "Nothing written."


def test_a_patient_may_come_without_one(tmp_path: Path) -> None:
    assert shown(record_of(read(table(tmp_path, "id: x\n")))) is None


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("item: haemoglobin", "item: horoscope", 6, "horoscope"),
        ("days: 40", "days: -1", 4, "days"),
        ('hi: "घुटने का दर्द।"', 'hi: ""', 4, "missing in 'hi'"),
        ("  allergies:", "  allergy:", 8, "allergy"),
        ('  medicines: {en: "None.", hi: "कोई नहीं।"}\n', "", 2, "medicines"),
        ("item: haemoglobin, ", "", 6, "'item' is missing"),
    ],
)
def test_a_mistake_names_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(CaseError, match=rf"case\.yaml:{line}: .*{said}"):
        record_of(read(table(tmp_path, GOOD.replace(old, new))))
