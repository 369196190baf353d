"""Settings of the InfluxDB sink."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from teleward_cloud.secret import Secret
from teleward_cloud.tls import TlsSettings
from teleward_cloud.urls import check_url


class Waveforms(StrEnum):
    """Which waveform samples are written."""

    OFF = "off"
    AROUND_ALARMS = "around-alarms"
    FULL = "full"


class InfluxSettings(BaseModel):
    """Where and how to write: InfluxDB 2 or 3, VictoriaMetrics, any server with the v2 call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field("http://127.0.0.1:8086", description="address of the server")
    organisation: str = Field("teleward", min_length=1, description="organisation of the bucket")
    token: Secret = Field(SecretStr(""), description="API token that may write the bucket")
    bucket: str = Field("teleward", min_length=1, description="bucket of field data")
    simulated_bucket: str = Field(
        "teleward-sim", min_length=1, description="bucket of simulated data"
    )
    tls: TlsSettings | None = Field(None, description="certificates for an https address")
    gzip: bool = Field(True, description="compress what is sent")
    timeout_s: float = Field(10.0, gt=0, le=300, description="longest wait for one answer")
    waveforms: Waveforms = Field(
        Waveforms.OFF, description="waveform samples: off, around-alarms or full"
    )
    before_alarm_s: float = Field(
        10.0, ge=0, le=60, description="around-alarms: seconds kept before an alarm"
    )
    after_alarm_s: float = Field(
        20.0, ge=0, le=600, description="around-alarms: seconds written after an alarm"
    )
    in_doubt_s: float = Field(
        0.0,
        ge=0,
        le=300,
        description="for a server that loses acknowledged data in a crash: how far back it may "
        "forget; records younger than this are sent again after it was away. InfluxDB 0, "
        "VictoriaMetrics 15",
    )

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        return check_url(url).rstrip("/")

    @model_validator(mode="after")
    def _buckets_apart(self) -> "InfluxSettings":
        if self.bucket == self.simulated_bucket:
            raise ValueError(
                "bucket and simulated_bucket must differ: field and simulated data live apart"
            )
        return self
