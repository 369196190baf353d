"""How the gateway finds the HL7 sink."""

from teleward_cloud.catalogue import SinkContext, SinkInfo
from teleward_cloud.hl7.settings import Hl7Settings
from teleward_cloud.sink import Sink


def make(settings: Hl7Settings, context: SinkContext) -> Sink:
    """Return the sink of one gateway."""
    from teleward_cloud.hl7.sink import Hl7Sink

    return Hl7Sink(settings, provenance=context.provenance)


SINK = SinkInfo("hl7", "HL7 v2.6 ORU^R01 over MLLP (IHE PCD-01)", Hl7Settings, make)
