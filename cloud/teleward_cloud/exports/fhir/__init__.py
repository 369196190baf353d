"""FHIR R4 as NDJSON, a file for each type of resource, in the layout of the bulk data guide.

Patient.ndjson  Device.ndjson  DeviceMetric.ndjson  Observation.ndjson  manifest.json
"""

from teleward_cloud.exports.fhir.ndjson import make_writer

__all__ = ["make_writer"]
