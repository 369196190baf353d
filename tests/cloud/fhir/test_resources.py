"""FHIR resources by table: what a validator of structure passes over, looked at one by one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teleward_cloud.exports.codes import CODES
from teleward_cloud.exports.fhir import make_writer
from teleward_cloud.exports.fhir.bundle import make_writer as make_bundles
from teleward_cloud.exports.fhir.document import make_writer as make_document
from teleward_signal.errors import Invalid
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind
from teleward_signal.vocabulary import METRICS
from tests.cloud.fhir.samples import cuff, everything, files, made, scope, value

Resource = dict[str, Any]
LOINC, MDC = "http://loinc.org", "urn:iso:std:iso:11073:10101"


def lines(data: bytes) -> list[Resource]:
    """Return the resources of a file."""
    return [json.loads(line) for line in data.decode().splitlines()]


def observations(records: list[Any], batch: int = 1000) -> list[Resource]:
    """Return the observations of records."""
    return lines(files(make_writer(scope()), records, batch)["Observation.ndjson"])


def codes(resource: Resource, system: str) -> list[str]:
    """Return the codes that a resource, or a component, has of a system."""
    return [c["code"] for c in resource["code"].get("coding", ()) if c["system"] == system]


def test_every_metric_has_codes_with_a_source() -> None:
    assert set(CODES) == set(METRICS)
    for name, found in CODES.items():
        assert found.source, name
        assert bool(found.mdc or found.loinc) == (found.source != "-"), name
        assert (found.mdc is None) == ("R" not in found.source and "P" not in found.source), name
    assert [code.code for code in CODES["spo2"].loinc] == ["59408-5", "2708-6"]
    assert {found.unit for found in CODES.values()} == {
        "%", "/min", "mm[Hg]", "Cel", "mg/dL", "kg", "cm", "mL", "L/min", "s", "ms", "mV", "Ohm",
        "1", "m/s2", "{score}", "{scale}",
    }  # fmt: skip


def test_the_page_lists_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "fhir.md").read_text(encoding="utf-8")
    for found in CODES.values():
        mdc = f"{found.mdc.code} {found.mdc.display}" if found.mdc else ""
        loinc = ", ".join(code.code for code in found.loinc)
        assert f"| {found.name} | {mdc} | {loinc} | {found.unit} | {found.source} |" in page


def test_a_file_for_each_type_each_line_a_resource() -> None:
    records = everything()
    found = files(make_writer(scope()), records)
    assert set(found) == {
        "Patient.ndjson", "Device.ndjson", "DeviceMetric.ndjson", "Observation.ndjson",
        "manifest.json",
    }  # fmt: skip
    manifest = json.loads(found["manifest.json"])
    for output in manifest["output"]:
        resources = lines(found[output["url"]])
        assert len(resources) == output["count"]
        assert {resource["resourceType"] for resource in resources} == {output["type"]}
    every = [r for name in found if name.endswith(".ndjson") for r in lines(found[name])]
    assert len({(r["resourceType"], r["id"]) for r in every}) == len(every)
    ids = {f"{r['resourceType']}/{r['id']}" for r in every}
    assert references(every) <= ids
    for batch in (1, 7):  # the same bytes, wherever batches end
        assert files(make_writer(scope()), records, batch) == found


def references(found: Any) -> set[str]:
    """Return every reference in resources."""
    if isinstance(found, list):
        return set().union(*map(references, found)) if found else set()
    if not isinstance(found, dict):
        return set()
    mine = {found["reference"]} if isinstance(found.get("reference"), str) else set()
    return mine | references(list(found.values()))


def test_simulated_data_say_so_in_every_resource_and_field_data_never() -> None:
    for provenance in Provenance:
        made_files = files(make_writer(scope(provenance)), everything(provenance))
        every = [r for name in made_files if "ndjson" in name for r in lines(made_files[name])]
        marks = [[c["code"] for c in r.get("meta", {}).get("security", [])] for r in every]
        wanted = ["HTEST"] if provenance is Provenance.SIMULATED else []
        assert all(mark == wanted for mark in marks)


def test_one_reading_of_a_cuff_is_one_panel() -> None:
    reading = cuff(5)
    mixed = [reading[0], made(5, part=9), reading[1], reading[2], made(6)]
    for batch in (1, 2, 1000):
        found = observations(mixed, batch)
        (panel,) = [r for r in found if "85354-9" in codes(r, LOINC)]
        assert codes(panel, MDC) == ["150020"]
        parts = {codes(c, MDC)[0]: c["valueQuantity"]["value"] for c in panel["component"]}
        assert parts == {"150021": 120, "150022": 80, "150023": 93}
        identities = [one["value"] for one in panel["identifier"]]
        assert identities[0] == "ward-3/9f86d081/5/0+5/1+5/2"
        assert identities[1:] == [f"ward-3/9f86d081/5/{part}" for part in range(3)]
        assert len(found) == 4, "the time of the cuff, the panel, two saturations"


def test_what_is_withheld_says_why() -> None:
    found = observations([made(1, payload=value(None, reason="probe_off")), *cuff(2, None)])
    assert found[0]["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert found[0]["dataAbsentReason"]["text"] == "probe_off"
    assert "valueQuantity" not in found[0]
    panel = found[-1]
    assert panel["component"][0]["dataAbsentReason"]["text"] == "unsuccessful"
    (lonely,) = observations([made(1, metric="nibp_systolic", device=None)])
    assert [codes(part, LOINC)[0] for part in lonely["component"]] == ["8480-6", "8462-4"]
    assert lonely["component"][1]["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_gateway_device_and_coincident_time() -> None:
    time, panel = observations(cuff(100))
    assert codes(time, MDC) == ["67975"]
    assert (time["valueDateTime"], time["effectiveDateTime"]) == (
        "2026-03-01T08:00:10.000Z", "2026-03-01T08:01:40.000Z",
    )  # fmt: skip
    assert panel["derivedFrom"][0]["identifier"] == time["identifier"][0]
    assert panel["extension"][0]["url"].endswith("/observation-gatewayDevice")
    counter = {**value(97.0), "device_time_ns": 5_000_000}
    assert codes(observations([made(1, payload=counter)])[0], MDC) == ["67983"]
    (typed,) = observations([made(1, payload=value(37.0, "manual", author="nurse"), device=None)])
    assert "extension" not in typed
    assert "device" not in typed
    assert typed["performer"] == [{"display": "nurse"}]


def test_samples_come_back_from_sampled_data() -> None:
    counts = np.array([-32768, -1, 0, 1, 32767], "<i2")
    shape = {"fs": 62.5, "scale": 0.005, "offset": -1.5, "index": 0, "dtype": "int16"}
    wave = made(1, RecordKind.WAVEFORM, "ecg_ii", shape, samples=counts.tobytes())
    (found,) = observations([wave])
    data = found["valueSampledData"]
    assert data["period"] == 16
    read = np.array(data["data"].split(), float) * data["factor"] + data["origin"]["value"]
    np.testing.assert_allclose(read, counts * 0.005 - 1.5, rtol=0, atol=1e-12)
    assert found["effectivePeriod"]["end"] == "2026-03-01T08:00:01.080Z"


def test_values_in_the_units_of_the_profiles_and_levels_in_words() -> None:
    height, alert, zero = observations([
        made(1, metric="body_height", payload=value(1.7)),
        made(2, metric="consciousness", payload=value(0)),
        made(3, metric="supplemental_oxygen", payload=value(0)),
    ])  # fmt: skip
    assert (height["valueQuantity"]["value"], height["valueQuantity"]["code"]) == (170, "cm")
    assert alert["valueCodeableConcept"]["coding"][0]["code"] == "248234008"
    assert zero["valueQuantity"]["value"] == 0


def test_what_cannot_be_written_is_counted_and_harms_no_other() -> None:
    writer = make_writer(scope())
    broken = made(2, RecordKind.WAVEFORM, "ecg_ii", {"fs": 0, "dtype": "int16"}, samples=b"abc")
    beat = made(3, RecordKind.ANNOTATION, "ecg_ii", {"symbol": "N"})
    unknown = made(4, metric="mystery")
    infinite = made(5, payload=value(float("inf")))
    found = files(writer, [made(1), broken, beat, unknown, infinite, made(6)])
    assert len(lines(found["Observation.ndjson"])) == 2
    assert sum(writer.left_out.values()) == 4


def test_bundles_hold_every_resource_once() -> None:
    records = everything() + [made(1000 + n) for n in range(1200)]
    bundles = files(make_bundles(scope()), records)
    whole = files(make_writer(scope()), records)
    wanted = {
        f"{resource['resourceType']}/{resource['id']}"
        for name, data in whole.items()
        if name.endswith(".ndjson")
        for resource in lines(data)
    }
    entries = [entry for data in bundles.values() for entry in json.loads(data)["entry"]]
    assert sorted(entry["request"]["url"] for entry in entries) == sorted(wanted)
    assert {entry["request"]["method"] for entry in entries} == {"PUT"}
    assert sorted(bundles)[0] == "bundle-000000.json"
    assert json.loads(bundles["bundle-000000.json"])["entry"][0]["resource"]["resourceType"] == (
        "Patient"
    )


def test_a_wellness_record_is_a_whole_document_of_bounded_size() -> None:
    with pytest.raises(Invalid, match="no health number"):
        make_document(scope())
    beats = [made(n, metric="heart_rate") for n in range(3600)]
    writer = make_document(scope(health_number="22-7225-4829-5255"))
    found = files(writer, [*beats, *cuff(3601), *cuff(3602)])
    bundle = json.loads(found["wellness-record.json"])
    resources = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    assert references(list(resources.values())) <= set(resources)
    (composition, patient, *_) = resources.values()
    assert composition["resourceType"] == "Composition"
    assert composition["type"]["text"] == "Wellness Record"
    assert patient["identifier"][1]["value"] == "22-7225-4829-5255"
    (section,) = composition["section"]
    assert section["title"] == "Vital Signs"
    assert len(section["entry"]) == 4 + 2, "four quarters of an hour, two readings of the cuff"
    assert sum(writer.left_out.values()) == 3596
