"""HL7 v2.6 messages ORU^R01 after IHE PCD-01, one after the other in a file.

observations.hl7       a message a minute; each begins with its MSH segment
"""

from teleward_cloud.exports.hl7.writer import make_writer

__all__ = ["make_writer"]
