r"""ORU^R01 messages after IHE PCD-01: the measurements of one subject.

    MSH|^~\&|ward-3^2.25.1^ISO|...|ORU^R01^ORU_R01|0f3a...|T|2.6|...|IHE_PCD_001^IHE PCD^...
    PID|||bed-1^^^...^PI||^^^^^^U
    PV1|1|U
    OBR|1|0f3a...|0f3a...|182777000^monitoring of patient^SCT|||from|to
    OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||ox-1^^2.25.1^ISO
    OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.0.0.1|96|262688^MDC_DIM_PERCENT^MDC|||||R|||time|...

Simulated data: processing id T, and DEMO in OBX-8. A withheld value is an empty OBX-5 with status X
and the reason in a note. Repeats: MSH-10 is made of the identities of the records, and OBX-21 holds
the identity of each (gateway/journal/seq/part), however records are spread over messages.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from teleward_cloud.exports.codes import CODES, CONSCIOUSNESS, MetricCodes
from teleward_cloud.exports.fhir.identity import (
    DEVICE_OID,
    RECORD_OID,
    SUBJECT_OID,
    device_value,
    record_value,
)
from teleward_cloud.exports.fhir.parts import number
from teleward_cloud.exports.hl7.segments import escape, field, oid_of, segment, timestamp
from teleward_signal.model import Provenance, Source
from teleward_signal.record import Record
from teleward_signal.vocabulary import METRICS

_MONITOR = field("69965", "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS", "MDC")
_GATEWAY = field("531981", "MDC_MOC_VMS_MDS_AHD", "MDC")
_MONITORING = field("182777000", "monitoring of patient", "SCT")
_PROFILE = field("IHE_PCD_001", "IHE PCD", "1.3.6.1.4.1.19376.1.6.1.1.1", "ISO")
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "other": "O"}


@dataclass(frozen=True, slots=True)
class Address:
    """Who gets a message: application and facility (MSH-5, MSH-6), and from which facility."""

    application: str = ""
    facility: str = ""
    from_facility: str = ""


def is_expressible(record: Record) -> bool:
    """Return whether a record is a measurement with codes and a subject."""
    return record.subject is not None and record.metric in CODES and record.metric in METRICS


def control_id(records: Sequence[Record]) -> str:
    """Return MSH-10 of the message of these records: the same records, the same id."""
    identities = "\n".join(record_value(record.id) for record in records)
    return hashlib.sha256(identities.encode()).hexdigest()[:20]


def message(
    records: Sequence[Record],
    address: Address | None = None,
    *,
    label: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the message of measurements of one subject, UTF-8, a CR after each segment."""
    first = records[0]
    identity = control_id(records)
    start_ns = min(record.time_ns for record in records)
    end_ns = max(record.time_ns for record in records)
    order = field(identity, first.id.gateway, oid_of(first.id.gateway), "ISO")
    lines = [
        _msh(first, identity, end_ns, address or Address()),
        _pid(first, label, attributes or {}),
        segment("PV1", {1: "1", 2: "U"}),
        segment(
            "OBR",
            {
                1: "1", 2: order, 3: order, 4: _MONITORING,
                7: timestamp(start_ns), 8: timestamp(end_ns),
            },
        ),
    ]  # fmt: skip
    lines += _observations(records)
    return ("\r".join(lines) + "\r").encode()


def _msh(record: Record, identity: str, time_ns: int, address: Address) -> str:
    simulated = record.provenance is Provenance.SIMULATED
    sender = field(record.id.gateway, oid_of(record.id.gateway), "ISO")
    fields = {
        2: sender, 3: field(address.from_facility), 4: field(address.application),
        5: field(address.facility), 6: timestamp(time_ns), 8: field("ORU", "R01", "ORU_R01"),
        9: identity, 10: "T" if simulated else "P", 11: "2.6", 14: "AL", 15: "NE",
        17: "UNICODE UTF-8", 20: _PROFILE,
    }  # fmt: skip
    # MSH-1 is the separator itself, so that its fields stand one place earlier
    return segment("MSH", {1: "^~\\&", **fields})


def _pid(record: Record, label: str, attributes: Mapping[str, Any]) -> str:
    value = f"{record.id.gateway}/{record.subject}"
    # the assigning authority is one component of three subcomponents
    who = f"{escape(value)}^^^Teleward&{SUBJECT_OID}&ISO^PI"
    name = f"{escape(label)}^^^^^^L" if label else "^^^^^^U"
    fields = {3: who, 5: name}
    birth = "".join(filter(str.isdigit, str(attributes.get("birth_date", ""))))
    if len(birth) in (4, 6, 8):
        fields[7] = birth
    if (sex := _SEXES.get(str(attributes.get("sex", "")).lower())) is not None:
        fields[8] = sex
    return segment("PID", fields)


def _observations(records: Sequence[Record]) -> list[str]:
    """Return the segments of all values, below a segment for each device."""
    devices: dict[str | None, list[Record]] = {}
    for record in records:
        devices.setdefault(record.device, []).append(record)
    lines: list[str] = []
    count = 0
    for place, (device, values) in enumerate(devices.items(), 1):
        count += 1
        gateway = values[0].id.gateway
        kind = _GATEWAY if device is None else _MONITOR
        equipment = field(device or gateway, device_value(gateway, device), DEVICE_OID, "ISO")
        lines.append(
            segment("OBX", {1: str(count), 3: kind, 4: f"{place}.0.0.0", 11: "X", 18: equipment})
        )
        for index, record in enumerate(values, 1):
            count += 1
            lines += _observation(record, count, f"{place}.0.0.{index}")
    return lines


def _observation(record: Record, count: int, place: str) -> list[str]:
    codes = CODES[str(record.metric)]
    payload = record.payload
    manual = payload.get("source") == Source.MANUAL.value
    kind, value = _value(record, codes)
    flags = ["DEMO"] if record.provenance is Provenance.SIMULATED else []
    status = "F" if manual else "R"
    note = []
    if value is None:
        flags.insert(0, "NAV")
        status = "X"
        reason = str(payload.get("reason") or "no value")
        note = [segment("NTE", {1: "1", 3: escape(reason)})]
    fields = {
        1: str(count), 2: kind, 3: _identifier(codes), 4: place, 5: value or "",
        6: _unit(codes) if kind == "NM" else "", 8: "~".join(flags), 11: status,
        14: timestamp(record.time_ns),
        21: field(record_value(record.id), "Teleward", RECORD_OID, "ISO"),
    }  # fmt: skip
    if manual and (author := payload.get("author")):
        fields[16] = field("", str(author))
    return [segment("OBX", fields), *note]


def _value(record: Record, codes: MetricCodes) -> tuple[str, str | None]:
    """Return the type and the text of a value, ``None`` when it is withheld."""
    value = record.payload.get("value")
    if not isinstance(value, int | float):
        return "NM", None
    if codes.name == "consciousness" and (level := CONSCIOUSNESS.get(int(value))) is not None:
        return "CWE", field(level.code, level.display, "SCT")
    return "NM", f"{number(value * codes.factor)}"


def _identifier(codes: MetricCodes) -> str:
    """Return OBX-3: MDC with LOINC beside it; without a published code a name of our own."""
    known = [(codes.mdc, "MDC")] if codes.mdc else []
    known += [(code, "LN") for code in codes.loinc[: 2 - len(known)]]
    if not known:
        return field(codes.name, codes.label, "99TELEWARD")
    return field(*(text for code, system in known for text in (code.code, code.display, system)))


def _unit(codes: MetricCodes) -> str:
    if codes.mdc_unit is not None:
        return field(
            codes.mdc_unit.code, codes.mdc_unit.display, "MDC", codes.unit, codes.unit, "UCUM"
        )
    return field(codes.unit, codes.unit, "UCUM")
