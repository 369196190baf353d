"""Research exports: nothing in any file names the person, and consent comes first."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.exports import csv_tables
from teleward_cloud.exports.research import Cohort, research
from teleward_cloud.exports.writer import ExportedSubject
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records, scope_of, write_files
from teleward_signal.errors import Invalid
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

NAME, NUMBER, STREET = "Ramanathapuram Kulasekharan", "91-7204-4483-2296", "14 Thiruvalluvar Street"
ATTRIBUTES = {"age": 47, "health_number": NUMBER, "address": {"street": STREET}, "spo2_scale": 2}


def identifying() -> Records:
    made = Records(subject="kulasekharan-r", device="patch-kulasekharan")
    made.wave("ecg_ii", range(500), 250.0, device_time_ns=BEGIN_NS)
    made.value(BEGIN_NS, "spo2", 97.0, author=NAME, group=f"{NUMBER}-1", detail={"note": STREET})
    made.value(BEGIN_NS + NS, "spo2", None, reason="motion")
    made.value(BEGIN_NS + 2 * NS, "spo2", None, reason=f"asked {NAME}")
    made.beat(BEGIN_NS + NS // 2)
    made.beat(BEGIN_NS + NS, '"', f"{NAME} coughs", author=NAME)
    made.beat(BEGIN_NS + NS, "+", "(AFIB", until_ns=BEGIN_NS + 2 * NS, evidence={"who": NAME})
    alarm = {"condition": "spo2_low", "kind": "physiological", "priority": "high",
             "presence": "on", "text": f"SpO2 low of {NAME}", "author": NAME}  # fmt: skip
    made.add(RecordKind.ALARM, BEGIN_NS + NS, "spo2", alarm)
    identity = {"serial": NUMBER, "owner": NAME}
    made.add(RecordKind.DEVICE, BEGIN_NS, None, {"identity": identity}, device="patch-kulasekharan")
    return made


def pieces(*texts: str) -> set[str]:
    return {text.casefold()[at : at + 6] for text in texts for at in range(len(text) - 5)}


@pytest.mark.parametrize("form", ["csv", "edf", "wfdb", "parquet", "fhir", "hl7"])
def test_no_piece_of_a_name_number_or_address_is_in_any_file(
    filled: Any, tmp_path: Path, form: str
) -> None:
    from teleward_gateway.__main__ import main
    from teleward_gateway.clock import GatewayClock
    from teleward_gateway.registry.model import Device, Subject
    from teleward_gateway.registry.store import Registry

    settings = filled()
    registry = Registry(
        tmp_path / "data" / "simulated" / "registry.sqlite", Provenance.SIMULATED,
        clock=GatewayClock(),
    )  # fmt: skip
    registry.admit(Subject("kulasekharan-r", NAME, Provenance.SIMULATED, None, ATTRIBUTES))
    registry.add_device(
        Device("patch-kulasekharan", "framed_ble", NUMBER, NAME, Provenance.SIMULATED)
    )
    registry.close()
    filled(identifying())
    out = tmp_path / "out"
    words = ["export", "--config", str(settings), "--subject", "kulasekharan-r", "--format", form]
    assert main([*words, "--research", "--quiet", "--out", str(out)]) == 0
    secret = pieces(NAME, NUMBER, STREET, "patch-kulasekharan", "kulasekharan-r")
    for path in out.rglob("*"):
        known = (path.name + path.read_bytes().decode("latin-1")).casefold()
        assert not {piece for piece in secret if piece in known}, path.name
        assert "2026" not in known or form == "parquet", path.name
    report = json.loads((out / "k_anonymity.json").read_text())
    assert (report["is_enough"], report["age_group"]) == (False, None)
    manifest = json.loads((out / "export.json").read_text())
    assert manifest["research"] is True
    assert manifest["left_out"]["notes of people"] == 1
    with (out / "dictionary.csv").open(newline="") as file:
        names = {(row["table"], row["name"]) for row in csv.DictReader(file)}
    assert {("measurements", "reason"), ("metric", "spo2")} <= names


def test_what_is_kept_and_how_far_it_is_shifted(tmp_path: Path) -> None:
    cohort = Cohort([{"age": age} for age in (41, 44, 47, 48, 49, 71)])
    person = ExportedSubject("kulasekharan-r", NAME, ATTRIBUTES, 0, None)
    make, shown = research(csv_tables.make_writer, b"key", cohort)
    writer = make(scope_of(subject=person))
    write_files(writer, identifying().ordered(), tmp_path)
    with (tmp_path / "measurements.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["value"], row["reason"]) for row in rows] == [
        ("97.0", ""), ("", "motion"), ("", "not_stated"),
    ]  # fmt: skip
    assert re.fullmatch(r"s\d{10}", rows[0]["subject"])
    assert shown.shift_ns % (7 * 86_400 * NS) == 0
    assert shown.shift_ns >= 52 * 7 * 86_400 * NS
    assert shown.scope is not None
    assert shown.scope.subject.attributes == {"age_group": "40 to 49"}
    report = json.loads((tmp_path / "k_anonymity.json").read_text())
    assert (report["k"], report["is_enough"]) == (5, True)
    again, same = research(csv_tables.make_writer, b"key", cohort)
    again(scope_of(subject=person))
    assert same.shift_ns == shown.shift_ns


def test_a_real_person_without_consent_is_refused() -> None:
    make, _ = research(csv_tables.make_writer, b"key", Cohort([]))
    person = ExportedSubject("bed-1", "", {}, 0, None)
    with pytest.raises(Invalid, match="no consent to research is on record for bed-1"):
        make(scope_of(subject=person, provenance=Provenance.FIELD))
    agreed = ExportedSubject("bed-1", "", {"research_consent": "2026-01-05"}, 0, None)
    make(scope_of(subject=agreed, provenance=Provenance.FIELD))
