"""How the gateway finds the FHIR sink; its HTTP client is loaded only when there is one."""

from teleward_cloud.catalogue import SinkContext, SinkInfo
from teleward_cloud.fhir.settings import FhirSettings
from teleward_cloud.sink import Sink


def make(settings: FhirSettings, context: SinkContext) -> Sink:
    """Return the sink of one gateway."""
    from teleward_cloud.fhir.sink import FhirSink

    return FhirSink(settings, gateway=context.gateway, provenance=context.provenance)


SINK = SinkInfo("fhir", "FHIR R4 server, each record stored once", FhirSettings, make)
