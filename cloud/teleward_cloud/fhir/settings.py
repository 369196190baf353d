"""Settings of the FHIR sink, section ``[sinks.fhir]``."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from teleward_cloud.secret import Secret
from teleward_cloud.tls import TlsSettings


class Idempotency(StrEnum):
    """How a record that is sent twice is stored once."""

    CREATE = "create"
    """Conditional create (If-None-Exist) by identifier; the server chooses the id."""
    PUT = "put"
    """Update as create with an id of ours, made of the record's identity."""


class OAuth2Settings(BaseModel):
    """Client credentials grant (RFC 6749, 4.4)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_url: str = Field(description="where tokens come from")
    client_id: str = Field(min_length=1, description="name of this client")
    client_secret: Secret = Field(description="its secret")
    scope: str = Field("", description="scopes, such as system/Observation.write")


class FhirSettings(BaseModel):
    """Where and how to write: any FHIR R4 server with the batch interaction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="base address of the server, such as https://host/fhir")
    idempotency: Idempotency = Field(
        Idempotency.CREATE,
        description="create: conditional create by identifier; put: with ids of ours, for servers "
        "whose conditional create is not to be trusted",
    )
    token: Secret = Field(SecretStr(""), description="a fixed bearer token; empty: none")
    oauth2: OAuth2Settings | None = Field(None, description="client credentials of the server")
    tls: TlsSettings | None = Field(None, description="certificates for an https address")
    waveforms: bool = Field(False, description="send waveforms too, as SampledData")
    alarms: bool = Field(True, description="send alarms too")
    batch: int = Field(100, ge=1, le=1000, description="entries of one request at most")
    timeout_s: float = Field(30.0, gt=0, le=300, description="longest wait for one answer")
    settle_s: float = Field(
        2.0,
        ge=0,
        le=300,
        description="after a lost answer, how long the server may still be at work on it",
    )

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r}: must start with http:// or https://")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_way_in(self) -> "FhirSettings":
        if self.oauth2 is not None and self.token.get_secret_value():
            raise ValueError("give token or oauth2, not both")
        return self
