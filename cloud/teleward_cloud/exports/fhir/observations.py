"""Measurements as FHIR observations: single values, and blood pressures as one panel.

The profiles named are those of FHIR R4's vital signs. The gateway and the coincident time follow
the Personal Health Device guide.
"""

from typing import Any

from teleward_cloud.exports.codes import (
    BLOOD_PRESSURE,
    CODES,
    CONSCIOUSNESS,
    LOINC,
    MDC,
    PANELS,
    SNOMED,
    UCUM,
    Code,
)
from teleward_cloud.exports.fhir.identity import (
    RECORD_SYSTEM,
    References,
    Resource,
    identifier,
    record_value,
    records_value,
    resource_id,
)
from teleward_cloud.exports.fhir.panels import Group, panel_name, part_of
from teleward_cloud.exports.fhir.parts import (
    absent,
    category,
    coding,
    concept,
    instant,
    meta,
    metric_concept,
    quantity,
)
from teleward_signal.model import Source
from teleward_signal.record import Record
from teleward_signal.vocabulary import METRICS

_PROFILE = "http://hl7.org/fhir/StructureDefinition/"
_PROFILES = {
    "heart_rate": "heartrate",
    "pulse_rate": "heartrate",
    "spo2": "oxygensat",
    "respiratory_rate": "resprate",
    "body_temperature": "bodytemp",
    "body_weight": "bodyweight",
    "body_height": "bodyheight",
}
_GATEWAY_EXTENSION = f"{_PROFILE}observation-gatewayDevice"
_COINCIDENT_PROFILE = (
    "http://hl7.org/fhir/uv/phd/StructureDefinition/PhdCoincidentTimeStampObservation"
)
_CALENDAR_NS = 946_684_800_000_000_000
"""From 2000 on a device's time is a calendar, below it is a counter with an epoch of its own."""
_UNSURE_NS = 1_000_000_000
"""A time that is less certain than this is remarked on."""


def frame(
    group: Group, references: References, code: Resource, *, profile: str | None = None
) -> Resource:
    """Return what every observation has: identity, code, subject, time, device, gateway."""
    record = group[0]
    value = records_value(group)
    found = record.id
    identifiers = [identifier(RECORD_SYSTEM, value)]
    if len(group) > 1:
        identifiers += [identifier(RECORD_SYSTEM, record_value(part.id)) for part in group]
    resource: Resource = {"resourceType": "Observation", "id": resource_id("Observation", value)}
    if marks := meta(record.provenance, profile):
        resource["meta"] = marks
    manual = is_manual(record)
    if not manual:
        gateway = references.device(found.gateway, None)
        resource["extension"] = [{"url": _GATEWAY_EXTENSION, "valueReference": gateway}]
    resource |= {"identifier": identifiers, "status": "final", "code": code}
    if record.subject is not None:
        resource["subject"] = references.subject(found.gateway, record.subject)
    resource["effectiveDateTime"] = instant(record.time_ns)
    if manual and (author := record.payload.get("author")):
        resource["performer"] = [{"display": str(author)}]
    if notes := _notes(record):
        resource["note"] = [{"text": text} for text in notes]
    if not manual:
        resource["device"] = references.device(found.gateway, record.device)
    return resource


def observation(group: Group, references: References) -> Resource:
    """Return the observation of a measurement, or of the pressures of one reading."""
    name = panel_name(group[0])
    return _single(group, references) if name is None else _panel(name, group, references)


def is_manual(record: Record) -> bool:
    """Return whether a person entered the value."""
    return bool(record.payload.get("source") == Source.MANUAL.value)


def _single(group: Group, references: References) -> Resource:
    record = group[0]
    codes = CODES[str(record.metric)]
    profile = _PROFILES.get(codes.name)
    resource = frame(
        group, references, metric_concept(codes), profile=profile and _PROFILE + profile
    )
    resource["category"] = category(codes.category)
    if record.payload.get("source") == Source.DERIVED.value:
        resource["method"] = concept("computed by the gateway from the waveform")
    resource |= _value(record)
    if (quality := _quality(group)) is not None:
        resource["component"] = [quality]
    return resource


def _panel(name: str, group: Group, references: References) -> Resource:
    code = concept("Blood pressure", coding(MDC, PANELS[name]), coding(LOINC, BLOOD_PRESSURE))
    resource = frame(group, references, code, profile=_PROFILE + "bp")
    resource["category"] = category("vital-signs")
    components = []
    for part in ("systolic", "diastolic", "mean"):
        record = part_of(group, part)
        if record is None and part == "mean":
            continue
        value = {"dataAbsentReason": absent("missing")} if record is None else _value(record)
        components.append({"code": metric_concept(CODES[f"{name}_{part}"]), **value})
    if (quality := _quality(group)) is not None:
        components.append(quality)
    resource["component"] = components
    return resource


def _value(record: Record) -> Resource:
    """Return the value of a measurement, or why there is none."""
    value = record.payload.get("value")
    if not isinstance(value, int | float):
        reason = record.payload.get("reason")
        return {"dataAbsentReason": absent(None if reason is None else str(reason))}
    if record.metric == "consciousness" and (level := CONSCIOUSNESS.get(int(value))) is not None:
        return {"valueCodeableConcept": concept(level.display, coding(SNOMED, level))}
    return {"valueQuantity": quantity(value, CODES[str(record.metric)])}


def _quality(group: Group) -> Resource | None:
    """Return the worst signal quality of a reading as a component, 0 to 1."""
    stated = [part.payload.get("quality") for part in group]
    known = [value for value in stated if isinstance(value, int | float)]
    if not known:
        return None
    value = {"value": min(known), "unit": "1", "system": UCUM, "code": "1"}
    return {"code": concept("signal quality, 0 useless to 1 clean"), "valueQuantity": value}


def _notes(record: Record) -> list[str]:
    found = []
    if record.uncertainty_ns >= _UNSURE_NS:
        found.append(f"time uncertain by {record.uncertainty_ns / 1e9:.0f} s")
    if record.payload.get("stored"):
        found.append("from the memory of the device")
    return found


def coincident_time(record: Record, references: References) -> Resource | None:
    """Return the device's own time beside UTC, ``None`` when the record has no device time."""
    device_ns = record.payload.get("device_time_ns")
    if record.device is None or type(device_ns) is not int or device_ns < 0:
        return None
    calendar = device_ns >= _CALENDAR_NS
    kind = Code("67975", "MDC_ATTR_TIME_ABS") if calendar else Code("67983", "MDC_ATTR_TIME_REL")
    resource = frame((record,), references, concept(kind.display, coding(MDC, kind)))
    value = f"{record_value(record.id)}/time"
    profile = {"profile": [_COINCIDENT_PROFILE]}
    resource["meta"] = resource.get("meta", {}) | profile
    resource["id"] = resource_id("Observation", value)
    resource["identifier"] = [identifier(RECORD_SYSTEM, value)]
    if calendar:
        resource["valueDateTime"] = instant(device_ns)
    else:
        ticks: dict[str, Any] = {"value": device_ns // 1000, "unit": "us"}
        resource["valueQuantity"] = ticks | {"system": UCUM, "code": "us"}
    return resource


def known_metric(record: Record) -> bool:
    """Return whether the metric of a record has codes."""
    return record.metric in CODES and record.metric in METRICS
