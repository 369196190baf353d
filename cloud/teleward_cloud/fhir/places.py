"""Subjects and devices at a FHIR server: created once, then referred to by the server's ids."""

from collections.abc import Iterable

from teleward_cloud.exports.fhir.devices import device, gateway_device, patient
from teleward_cloud.exports.fhir.identity import OwnReferences, Resource
from teleward_cloud.fhir.settings import Idempotency
from teleward_signal.model import Provenance
from teleward_signal.record import Record

_MOST = 10_000
Key = tuple[str, str, str | None]
"""Kind of resource, gateway, and subject or device (``None``: the gateway itself)."""


class Places:
    """What is known of the server; as references for `teleward_cloud.exports.fhir.mapping`.

    A resource that the server does not take is referred to by its identifier alone.
    """

    def __init__(self, idempotency: Idempotency, provenance: Provenance) -> None:
        self._own = OwnReferences() if idempotency is Idempotency.PUT else None
        self._provenance = provenance
        self._known: dict[Key, Resource] = {}

    def missing(self, records: Iterable[Record]) -> dict[Key, Resource]:
        """Return the resources that the server needs before it gets these records."""
        found: dict[Key, Resource] = {}
        for record in records:
            gateway = record.id.gateway
            keys: list[Key] = [("Device", gateway, None)]
            if record.subject is not None:
                keys.append(("Patient", gateway, record.subject))
            if record.device is not None:
                keys.append(("Device", gateway, record.device))
            for key in keys:
                if key not in self._known and key not in found:
                    found[key] = self._resource(key)
        return found

    def learn(self, key: Key, resource: Resource, reference: str | None) -> None:
        """Remember where a resource is; ``None``: the server does not have it."""
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        if reference is None:
            self._known[key] = {"type": key[0], "identifier": resource["identifier"][0]}
        else:
            self._known[key] = {"reference": reference}

    def forget(self) -> None:
        """Ask the server again: it may be another, or an older one, than before."""
        self._known.clear()

    def subject(self, gateway: str, subject: str) -> Resource:
        """Return the reference to a subject."""
        if self._own is not None:
            return self._own.subject(gateway, subject)
        return self._reference(("Patient", gateway, subject))

    def device(self, gateway: str, device: str | None) -> Resource:
        """Return the reference to a device; ``None`` is the gateway itself."""
        if self._own is not None:
            return self._own.device(gateway, device)
        return self._reference(("Device", gateway, device))

    def _reference(self, key: Key) -> Resource:
        known = self._known.get(key)
        if known is not None:
            return known
        return {"type": key[0], "identifier": self._resource(key)["identifier"][0]}

    def _resource(self, key: Key) -> Resource:
        kind, gateway, name = key
        if kind == "Patient":
            assert name is not None
            return patient(gateway, name, self._provenance)
        if name is None:
            return gateway_device(gateway, "", self._provenance)
        return device(gateway, name, self._provenance)
