"""A FHIR document of vital signs: the WellnessRecord of India's ABDM (NRCeS guide for FHIR R4).

    wellness-record.json   Bundle "document": Composition, Patient, Device, Observation

A document is for reading: of values that come all the time it holds one a quarter of an hour, or
fewer if the range is long; blood pressures, weights and other single readings are all in it.
Waveforms and alarms are left out. The guide wants a health number (ABHA) of the patient.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from teleward_cloud.exports.fhir.context import context
from teleward_cloud.exports.fhir.devices import health_number
from teleward_cloud.exports.fhir.identity import (
    RECORD_SYSTEM,
    Resource,
    device_value,
    identifier,
    resource_id,
)
from teleward_cloud.exports.fhir.mapping import Mapped, Mapper
from teleward_cloud.exports.fhir.ndjson import dump
from teleward_cloud.exports.fhir.parts import concept, instant, meta, without_empty
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.errors import Invalid
from teleward_signal.record import Record, RecordKind

_GUIDE = "https://nrces.in/ndhm/fhir/r4/StructureDefinition/"
_MOST_STEPS = 500
"""Values of one metric of one device, whatever the range: a document is read as a whole."""
_STEP_NS = 900_000_000_000
_SECTIONS = {
    "Vital Signs": ("ObservationVitalSigns", frozenset({
        "heart_rate", "pulse_rate", "spo2", "respiratory_rate", "body_temperature",
        "nibp_systolic", "nibp_diastolic", "nibp_mean",
        "arterial_systolic", "arterial_diastolic", "arterial_mean",
    })),
    "Body Measurement": ("ObservationBodyMeasurement", frozenset({"body_weight", "body_height"})),
    "General Assessment": ("ObservationGeneralAssessment", frozenset({"body_fat", "glucose"})),
}  # fmt: skip
"""Titles of the guide, with the profile and metrics of each."""
_SINGLE = frozenset({"body_weight", "body_height", "body_fat", "glucose"})


class _Inside:
    """References to other entries of the document."""

    def subject(self, gateway: str, subject: str) -> Resource:
        """Return the reference to a subject."""
        return {"reference": f"urn:uuid:{resource_id('Patient', f'{gateway}/{subject}')}"}

    def device(self, gateway: str, device: str | None) -> Resource:
        """Return the reference to a device; ``None`` is the gateway itself."""
        return {"reference": f"urn:uuid:{resource_id('Device', device_value(gateway, device))}"}


class DocumentWriter:
    """Collects the values of one document; their number does not grow with the range."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._mapper = Mapper(references=_Inside())
        self.left_out: Counter[str] = self._mapper.left_out
        self._kept: dict[tuple[object, ...], tuple[str, Resource]] = {}
        self._step_ns = max(_STEP_NS, -(-(scope.end_ns - scope.start_ns) // _MOST_STEPS))
        if health_number(scope.subject.attributes) is None:
            raise Invalid(
                f"subject {scope.subject.id} has no health number (ABHA, 14 digits): set its "
                "attribute health_number, or use the format fhir-bundle"
            )

    def begin(self) -> Iterable[Part]:
        """Return nothing: a document begins with its table of contents."""
        return ()

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Take the next records."""
        for found in self._mapper.take(self._wanted(records)):
            self._keep(found)
        return ()

    def finish(self) -> Iterable[Part]:
        """Return the document."""
        for found in self._mapper.rest():
            self._keep(found)
        yield Part("wellness-record.json", (dump(self._bundle()) + "\n").encode())

    def _wanted(self, records: Sequence[Record]) -> Iterator[Record]:
        """Yield the values of the sections, and what devices state of themselves."""
        for record in records:
            if record.kind is RecordKind.DEVICE or _section(record) is not None:
                yield record
            else:
                self.left_out["no part of a wellness record"] += 1

    def _keep(self, found: Mapped) -> None:
        """Keep the newest value of each stretch, and every single reading."""
        resource, title = found.resource, _section(found.group[0]) if found.group else None
        if resource is None or title is None:
            return
        record = found.group[0]
        resource.pop("derivedFrom", None)
        meta_of = resource.setdefault("meta", {})
        meta_of["profile"] = [*meta_of.get("profile", []), _GUIDE + _SECTIONS[title][0]]
        single = record.metric in _SINGLE or str(record.metric).startswith("nibp_")
        step = record.time_ns if single else record.time_ns // self._step_ns
        key = record.device, record.metric, record.payload.get("source"), step
        if self._kept.pop(key, None) is not None:
            self.left_out["one value for each stretch of a document"] += 1
        self._kept[key] = title, resource

    def _bundle(self) -> Resource:
        scope = self._scope
        end = instant(scope.end_ns)
        value = f"{scope.gateway}/{scope.subject.id}/{scope.start_ns}-{scope.end_ns}"
        around = [
            resource
            for resource in context(scope, self._mapper)
            if resource["resourceType"] != "DeviceMetric"
        ]
        around[0]["meta"] = around[0].get("meta", {}) | {"profile": [_GUIDE + "Patient"]}
        entries = [self._composition(value, end), *around]
        entries += [resource for _, resource in self._kept.values()]
        return {
            "resourceType": "Bundle",
            "id": resource_id("Bundle", value),
            "meta": meta(scope.provenance, _GUIDE + "DocumentBundle"),
            "identifier": identifier(RECORD_SYSTEM, value),
            "type": "document",
            "timestamp": end,
            "entry": [
                {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
                for resource in entries
            ],
        }

    def _composition(self, value: str, end: str) -> Resource:
        scope, references = self._scope, _Inside()
        start = instant(scope.start_ns)
        what = f"Vital signs of {scope.subject.label or scope.subject.id}, {start} to {end}"
        minutes = self._step_ns // 60_000_000_000
        note = f"Of values that come all the time, the last of every {minutes} minutes."
        sections = [
            {"title": title, "entry": entries}
            for title in _SECTIONS
            if (entries := self._entries_of(title))
        ]
        return {
            "resourceType": "Composition",
            "id": resource_id("Composition", value),
            "meta": meta(scope.provenance, _GUIDE + "WellnessRecord"),
            "text": {"status": "generated", "div": _narrative(what, note)},
            "identifier": identifier(RECORD_SYSTEM, value),
            "status": "final",
            "type": concept("Wellness Record"),
            "subject": references.subject(scope.gateway, scope.subject.id),
            "date": end,
            "author": [references.device(scope.gateway, None)],
            "title": "Wellness Record",
            **without_empty(section=sections),
        }

    def _entries_of(self, title: str) -> list[Resource]:
        return [
            {"reference": f"urn:uuid:{resource['id']}"}
            for found, resource in self._kept.values()
            if found == title
        ]


def _section(record: Record) -> str | None:
    """Return the title of the section that a value belongs to."""
    if record.kind is not RecordKind.MEASUREMENT:
        return None
    return next((title for title, (_, names) in _SECTIONS.items() if record.metric in names), None)


def _narrative(*sentences: str) -> str:
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in sentences)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'


def make_writer(scope: Scope) -> DocumentWriter:
    """Return the writer of one document; raises Invalid without a health number."""
    return DocumentWriter(scope)
