"""Entries of a batch bundle: how a resource is stored once, however often it is sent."""

import re
from typing import Any
from urllib.parse import quote

from teleward_cloud.exports.fhir.identity import Resource
from teleward_cloud.fhir.settings import Idempotency

_SPECIAL = re.compile(r"([\\,|$])")
"""Characters with a meaning in FHIR search values."""


def entry(resource: Resource, idempotency: Idempotency) -> dict[str, Any]:
    """Return the entry that creates a resource unless it is there."""
    kind = resource["resourceType"]
    if idempotency is Idempotency.PUT:
        request = {"method": "PUT", "url": f"{kind}/{resource['id']}"}
        return {"resource": resource, "request": request}
    without_id = {key: value for key, value in resource.items() if key != "id"}
    request = {"method": "POST", "url": kind, "ifNoneExist": search(resource["identifier"][0])}
    return {"resource": without_id, "request": request}


def search(identifier: Resource) -> str:
    """Return the query that finds exactly the resources with an identifier."""
    value = _SPECIAL.sub(r"\\\1", identifier["value"])
    return "identifier=" + quote(f"{identifier['system']}|{value}", safe="")


def relative(location: str | None, kind: str) -> str | None:
    """Return ``Kind/id`` of the location of a resource, whatever stands around it."""
    found = re.search(rf"(?:^|/){kind}/([A-Za-z0-9.-]{{1,64}})(?:/|$)", location or "")
    return f"{kind}/{found[1]}" if found else None
