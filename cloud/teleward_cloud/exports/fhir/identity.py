"""Identifiers and ids of FHIR resources, made of what they are about: the same input, the same id.

    record     ward-3/9f86d081/1207/0            gateway / journal / seq / part
    panel      ward-3/9f86d081/1207/0+1207/1     every record that it holds
    subject    ward-3/bed-1                      gateway / subject
    device     ward-3/ox-1                       gateway / device

The systems are OIDs below 2.25, which anyone may make of a UUID without registering it (ITU-T
X.667); ids of resources are UUIDs of version 5 of system and value.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from teleward_signal.record import Record, RecordId

RECORD_OID = "2.25.267856505578420532915314474255136383570"
SUBJECT_OID = "2.25.119486018753217939158470259654147283011"
DEVICE_OID = "2.25.63465956320684297939650356101149613834"
RECORD_SYSTEM = f"urn:oid:{RECORD_OID}"
SUBJECT_SYSTEM = f"urn:oid:{SUBJECT_OID}"
DEVICE_SYSTEM = f"urn:oid:{DEVICE_OID}"

Resource = dict[str, Any]
"""A FHIR resource, or a part of one, as JSON."""

_SPACE = uuid.UUID("ec641c44-0bd2-58ad-b33b-24345f2857d7")


def record_value(found: RecordId) -> str:
    """Return the identity of a record as the value of an identifier."""
    return f"{found.gateway}/{found.journal}/{found.seq}/{found.part}"


def records_value(records: Sequence[Record]) -> str:
    """Return the identity of one resource of one or more records of a journal."""
    first = records[0].id
    more = "".join(f"+{record.id.seq}/{record.id.part}" for record in records[1:])
    return record_value(first) + more


def resource_id(resource_type: str, value: str) -> str:
    """Return the id of the resource that stands for ``value``."""
    return str(uuid.uuid5(_SPACE, f"{resource_type}:{value}"))


def identifier(system: str, value: str) -> Resource:
    """Return an identifier."""
    return {"system": system, "value": value}


class References(Protocol):
    """How resources point at subjects and devices: by ids of ours, or by those of a server."""

    def subject(self, gateway: str, subject: str) -> Resource:
        """Return the reference to a subject."""
        ...

    def device(self, gateway: str, device: str | None) -> Resource:
        """Return the reference to a device; ``None`` is the gateway itself."""
        ...


class OwnReferences:
    """References by ids of ours, for files and for servers that take them."""

    def subject(self, gateway: str, subject: str) -> Resource:
        """Return the reference to a subject."""
        return {"reference": f"Patient/{resource_id('Patient', f'{gateway}/{subject}')}"}

    def device(self, gateway: str, device: str | None) -> Resource:
        """Return the reference to a device; ``None`` is the gateway itself."""
        return {"reference": f"Device/{resource_id('Device', device_value(gateway, device))}"}


def device_value(gateway: str, device: str | None) -> str:
    """Return the identity of a device; ``None`` is the gateway itself."""
    return gateway if device is None else f"{gateway}/{device}"
