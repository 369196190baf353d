"""What surrounds the observations of an export: the patient, the devices and their metrics."""

from collections.abc import Iterator

from teleward_cloud.exports.fhir.devices import device, device_metric, gateway_device, patient
from teleward_cloud.exports.fhir.identity import Resource
from teleward_cloud.exports.fhir.mapping import Mapper
from teleward_cloud.exports.writer import Scope


def context(scope: Scope, mapper: Mapper) -> Iterator[Resource]:
    """Yield Patient, Device and DeviceMetric resources, known once all records were seen."""
    gateway, provenance = scope.gateway, scope.provenance
    subject = scope.subject
    yield patient(
        gateway, subject.id, provenance, label=subject.label, attributes=subject.attributes
    )
    yield gateway_device(gateway, scope.version, provenance)
    used = {name for name, *_ in mapper.metrics if name is not None} | set(mapper.stated)
    for name in sorted(used | set(scope.devices)):
        known = scope.devices.get(name)
        yield device(
            gateway,
            name,
            provenance if known is None else known.provenance,
            label="" if known is None else known.label,
            driver="" if known is None else known.driver,
            address="" if known is None else known.address,
            identity=mapper.stated.get(name),
        )
    keys = sorted(mapper.metrics, key=lambda key: (key[0] or "", key[1], key[2]))
    for source, metric, derived in keys:
        yield device_metric(gateway, source, metric, derived=derived, provenance=provenance)
