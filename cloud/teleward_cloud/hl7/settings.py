"""Settings of the HL7 sink, section ``[sinks.hl7]``."""

from pydantic import BaseModel, ConfigDict, Field

from teleward_cloud.tls import TlsSettings


class Hl7Settings(BaseModel):
    """A listener of HL7 v2 messages, such as an interface engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="name or address of the listener")
    port: int = Field(2575, ge=1, le=65535, description="its port; 2575 is registered for HL7")
    tls: TlsSettings | None = Field(None, description="certificates, for a listener with TLS")
    application: str = Field("", description="receiving application, MSH-5")
    facility: str = Field("", description="receiving facility, MSH-6")
    from_facility: str = Field("", description="sending facility, MSH-4, such as the ward")
    batch: int = Field(50, ge=1, le=500, description="values of one message at most")
    timeout_s: float = Field(30.0, gt=0, le=300, description="longest wait for one answer")
