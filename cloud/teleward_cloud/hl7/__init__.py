"""The HL7 sink: measurements as ORU^R01 messages over MLLP, each acknowledged."""

from teleward_cloud.hl7.info import SINK

__all__ = ["SINK"]
