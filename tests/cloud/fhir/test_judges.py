"""FHIR exports before independent judges: Medplum's validator with R4 and vital signs, NLM's UCUM
parser, and fhir.resources."""

import json

from fhir.resources.R4B import get_fhir_model_class

from teleward_cloud.exports.fhir import make_writer
from teleward_cloud.exports.fhir.bundle import make_writer as make_bundles
from teleward_cloud.exports.fhir.document import make_writer as make_document
from teleward_signal.model import Provenance
from tests.cloud.fhir.judges import verdict
from tests.cloud.fhir.samples import everything, files, scope

PROFILES = ("vitalsigns", "heartrate", "resprate", "oxygensat", "bodytemp", "bp")


def test_no_judge_refuses_anything() -> None:
    records = everything()
    about = scope(birth_date="1981-01-12", health_number="22722548295255", sex="female")
    resources = [
        json.loads(line)
        for name, data in files(make_writer(about), records).items()
        if name.endswith(".ndjson")
        for line in data.splitlines()
    ]
    resources += map(json.loads, files(make_document(about), records).values())
    field = everything(Provenance.FIELD)
    resources += map(json.loads, files(make_bundles(scope(Provenance.FIELD)), field).values())
    found = verdict([*resources, *map(json.loads, WRONG)])
    wrong = [error for error in found["errors"] if error.split()[0] in WRONG_NAMES]
    assert [error for error in found["errors"] if error not in wrong] == []
    assert {error.split()[0] for error in wrong} == WRONG_NAMES, "the judge judges"
    profiled = {url.rpartition("/")[2]: count for url, count in found["profiled"].items()}
    assert all(profiled.get(name, 0) > 0 for name in PROFILES), profiled
    assert found["checked"] > 2 * len(records)
    assert {"/min", "mm[Hg]", "Cel", "{score}", "m/s2"} <= set(found["units"])
    for resource in resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


_HEART = {
    "resourceType": "Observation", "id": "a", "status": "final", "subject": {"display": "x"},
    "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/heartrate"]},
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "effectiveDateTime": "2026-03-01T08:00:00Z",
    "valueQuantity": {"value": 60, "unit": "/min", "system": "http://unitsofmeasure.org",
                      "code": "/min"},
}  # fmt: skip
_PANEL = {
    **_HEART, "id": "d", "category": [{"coding": [{
        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
        "code": "vital-signs"}]}],
    "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/bp"]},
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "component": [{"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}] * 2,
}  # fmt: skip
WRONG = [
    json.dumps(_HEART),  # no category
    json.dumps(_HEART | {"id": "b", "valueQuantity": {"value": "60"}}),
    json.dumps(_HEART | {"id": "c", "effectiveDateTime": "yesterday"}),
    json.dumps(_PANEL),  # two systolic values, no diastolic
]
"""What a judge refuses that judges."""
WRONG_NAMES = {f"Observation/{name}" for name in "abcd"}
