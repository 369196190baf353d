"""Small parts that FHIR resources share: codes, quantities, times, the mark of simulated data."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from teleward_cloud.exports.codes import LOINC, MDC, UCUM, Code, MetricCodes, absent_code
from teleward_cloud.exports.fhir.identity import Resource
from teleward_signal.model import Provenance

_TEST = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}
_CATEGORIES = {
    "vital-signs": "Vital Signs",
    "laboratory": "Laboratory",
    "survey": "Survey",
    "exam": "Exam",
    "procedure": "Procedure",
}
_ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ABSENT_TEXT = {
    "unknown": "Unknown",
    "temp-unknown": "Temporarily Unknown",
    "not-performed": "Not Performed",
    "not-applicable": "Not Applicable",
    "error": "Error",
}


def meta(provenance: Provenance, profile: str | None = None) -> Resource:
    """Return ``meta`` with the profile, and with the label of test data if simulated."""
    found: Resource = {} if profile is None else {"profile": [profile]}
    if provenance is Provenance.SIMULATED:
        found |= {"security": [_TEST], "tag": [_TEST]}
    return found


def coding(system: str, code: Code) -> Resource:
    """Return a coding with its published name."""
    return {"system": system, "code": code.code, "display": code.display}


def concept(text: str, *codings: Resource) -> Resource:
    """Return a codeable concept."""
    return {"coding": list(codings), "text": text} if codings else {"text": text}


@lru_cache(maxsize=256)
def metric_concept(codes: MetricCodes) -> Resource:
    """Return what is measured: MDC first, then LOINC; read only."""
    found = [coding(MDC, codes.mdc)] if codes.mdc else []
    return concept(codes.label, *found, *(coding(LOINC, code) for code in codes.loinc))


@lru_cache(maxsize=8)
def category(name: str) -> list[Resource]:
    """Return the category of an observation; read only."""
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return [concept(_CATEGORIES[name], coding(system, Code(name, _CATEGORIES[name])))]


def quantity(value: float, codes: MetricCodes) -> Resource:
    """Return a value in the unit of its codes."""
    return {
        "value": number(value * codes.factor),
        "unit": codes.unit,
        "system": UCUM,
        "code": codes.unit,
    }


def number(value: float) -> float | int:
    """Return a number without digits that only binary fractions have."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def absent(reason: str | None) -> Resource:
    """Return why there is no value: a code of FHIR, and our word for it."""
    code = absent_code(reason)
    return concept(reason or "unknown", coding(_ABSENT_SYSTEM, Code(code, _ABSENT_TEXT[code])))


def instant(time_ns: int) -> str:
    """Return UTC with milliseconds, cut off, never rounded into the future."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{_whole(seconds)}.{rest // 1_000_000:03d}Z"


@lru_cache(maxsize=256)
def _whole(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def without_empty(**values: Any) -> Resource:
    """Return the elements that have content: FHIR knows no empty ones."""
    return {
        key: value
        for key, value in values.items()
        if value is not None and value not in ("", [], {})
    }
