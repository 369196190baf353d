"""The FHIR sink: records of the journal to a FHIR R4 server, each stored once."""

from teleward_cloud.fhir.info import SINK

__all__ = ["SINK"]
