"""Patient, Device and DeviceMetric resources."""

import re
from collections.abc import Mapping
from typing import Any

from teleward_cloud.exports.codes import CODES, MDC, UCUM, Code
from teleward_cloud.exports.fhir.identity import (
    DEVICE_SYSTEM,
    SUBJECT_SYSTEM,
    Resource,
    device_value,
    identifier,
    resource_id,
)
from teleward_cloud.exports.fhir.parts import coding, concept, meta, metric_concept, without_empty
from teleward_signal.model import Provenance

ABHA_SYSTEM = "https://healthid.abdm.gov.in"
"""Of India's health account numbers (ABHA), as the guide of NRCeS has it."""
_BLUETOOTH_SYSTEM = "http://hl7.org/fhir/sid/eui-48/bluetooth"
"""As the Personal Health Device guide has it; the address is written with hyphens."""
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_GATEWAY_TYPE = Code("531981", "MDC_MOC_VMS_MDS_AHD")
_GENDERS = {"f": "female", "female": "female", "m": "male", "male": "male", "other": "other"}
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def patient(
    gateway: str,
    subject: str,
    provenance: Provenance,
    *,
    label: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> Resource:
    """Return the person monitored; what nobody entered is left out."""
    known = attributes or {}
    value = f"{gateway}/{subject}"
    identifiers = [identifier(SUBJECT_SYSTEM, value)]
    if (number := health_number(known)) is not None:
        kind = coding(
            "http://terminology.hl7.org/CodeSystem/v2-0203", Code("MR", "Medical record number")
        )
        identifiers.append(
            {"type": concept("ABHA number", kind), **identifier(ABHA_SYSTEM, number)}
        )
    birth = str(known.get("birth_date", ""))
    return {
        "resourceType": "Patient",
        "id": resource_id("Patient", value),
        **without_empty(
            meta=meta(provenance),
            identifier=identifiers,
            name=[{"text": label}] if label else [],
            gender=_GENDERS.get(str(known.get("sex", "")).lower()),
            birthDate=birth if _DATE.fullmatch(birth) else None,
        ),
    }


def health_number(attributes: Mapping[str, Any]) -> str | None:
    """Return the ABHA number of a subject as 14 digits in groups, ``None`` without one."""
    digits = re.sub(r"[\s-]", "", str(attributes.get("health_number", "")))
    if not re.fullmatch(r"\d{14}", digits):
        return None
    return f"{digits[:2]}-{digits[2:6]}-{digits[6:10]}-{digits[10:]}"


def device(
    gateway: str,
    name: str,
    provenance: Provenance,
    *,
    label: str = "",
    driver: str = "",
    address: str = "",
    identity: Mapping[str, Any] | None = None,
) -> Resource:
    """Return a device; ``identity`` is what it states of itself (manufacturer, model ...)."""
    value = device_value(gateway, name)
    identifiers = [identifier(DEVICE_SYSTEM, value)]
    if _MAC.fullmatch(address):
        identifiers.append(identifier(_BLUETOOTH_SYSTEM, address.replace(":", "-").upper()))
    stated = {key: str(found) for key, found in (identity or {}).items() if str(found).strip()}
    version = stated.get("firmware") or stated.get("firmware_revision")
    return {
        "resourceType": "Device",
        "id": resource_id("Device", value),
        **without_empty(
            meta=meta(provenance),
            identifier=identifiers,
            status="active",
            manufacturer=stated.get("manufacturer"),
            serialNumber=stated.get("serial") or stated.get("serial_number"),
            modelNumber=stated.get("model") or stated.get("model_number"),
            deviceName=[{"name": label or name, "type": "user-friendly-name"}],
            type=concept(driver) if driver else None,
            version=[{"value": version}] if version else [],
        ),
    }


def gateway_device(gateway: str, version: str, provenance: Provenance) -> Resource:
    """Return the gateway as a device: the personal health gateway of the guide."""
    return {
        "resourceType": "Device",
        "id": resource_id("Device", device_value(gateway, None)),
        **without_empty(
            meta=meta(provenance),
            identifier=[identifier(DEVICE_SYSTEM, device_value(gateway, None))],
            status="active",
            manufacturer="Teleward",
            deviceName=[{"name": gateway, "type": "user-friendly-name"}],
            type=concept("gateway", coding(MDC, _GATEWAY_TYPE)),
            version=[{"value": version}] if version else [],
        ),
    }


def device_metric(
    gateway: str, name: str | None, metric: str, *, derived: bool, provenance: Provenance
) -> Resource:
    """Return one metric of a device; ``None`` is the gateway, which derives values."""
    codes = CODES[metric]
    source = device_value(gateway, name)
    value = f"{source}/{metric}/{'derived' if derived else 'measured'}"
    unit = coding(UCUM, Code(codes.unit, codes.unit))
    return {
        "resourceType": "DeviceMetric",
        "id": resource_id("DeviceMetric", value),
        **without_empty(meta=meta(provenance)),
        "identifier": [identifier(DEVICE_SYSTEM, value)],
        "type": metric_concept(codes),
        "unit": concept(codes.unit, unit),
        "source": {"reference": f"Device/{resource_id('Device', source)}"},
        "category": "calculation" if derived else "measurement",
    }
