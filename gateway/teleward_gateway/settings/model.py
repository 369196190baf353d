"""All that may stand in ``teleward.toml``, typed and described; the source of its JSON Schema.

Sections that belong to one part are defined beside that part (MQTT and InfluxDB in
`teleward_cloud`) and only composed here.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from teleward_cloud.alarms.settings import AlarmDeliverySettings
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.mqtt.settings import MqttSettings
from teleward_drivers.catalogue import catalogue
from teleward_drivers.device import LinkType
from teleward_gateway.embedded_broker.settings import EmbeddedBrokerSettings
from teleward_gateway.registry.beds import bed_id
from teleward_gateway.remote_commands.settings import RemoteCommandSettings
from teleward_gateway.settings.classroom import ClassroomSettings
from teleward_gateway.settings.lan import AccessSettings, LanSettings
from teleward_gateway.settings.sinks import SinkSections
from teleward_gateway.settings.update import UpdateSettings
from teleward_signal.age_profile import profile_of
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Invalid
from teleward_signal.model import Provenance
from teleward_signal.vocabulary import METRICS

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SEXES = ("", "female", "male", "other")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Section(BaseModel):
    """A table of the settings file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _plain(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r}: use lower-case letters, digits and hyphens, 63 at most")
    return name


def check_limits(limits: Mapping[str, Any], age: float | str | None) -> None:
    """Raise Invalid where alarm limits cannot be used over those of an age."""
    try:
        AlarmLimits.from_dict(limits, profile_of(age).metrics)
    except (TypeError, AttributeError) as error:
        raise Invalid(f"limits: {error}") from error


def _meant(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class GatewaySettings(Section):
    """Who this gateway is."""

    name: str = Field(
        "gateway",
        description="unique among your gateways; unset: the host's name and a random suffix, "
        "which is kept in the data folder",
    )
    mode: Provenance = Field(
        Provenance.FIELD, description="field: real patients; simulated: simulators only"
    )
    data_folder: Path = Field(
        Path("/var/lib/teleward"), description="where the journal and the registry are kept"
    )
    _name_is_plain = field_validator("name")(_plain)


class RadioSettings(Section):
    """How BLE devices are reached."""

    adapter: str = Field(
        "bluez",
        description="bluez (this machine's adapter), off, or virtual:unix:PATH or "
        "virtual:tcp:HOST:PORT (simulated devices)",
    )

    @field_validator("adapter")
    @classmethod
    def _known(cls, adapter: str) -> str:
        virtual = re.fullmatch(r"virtual:(unix:.+|tcp:.+:(\d{1,5}))", adapter)
        if adapter in ("bluez", "off") or (virtual and int(virtual[2] or 0) <= 65_535):
            return adapter
        raise ValueError(
            f"{adapter!r} is none of bluez, off, virtual:unix:PATH, virtual:tcp:HOST:PORT"
        )


class SignalSettings(Section):
    """How waveforms are processed."""

    tick_ms: int = Field(200, ge=50, le=1000, description="how often all patients are processed")


class JournalSettings(Section):
    """How records are kept. A power cut loses at most the commit interval plus one block."""

    commit_interval_s: float = Field(1.0, ge=0.25, le=5.0, description="time between commits")
    max_megabytes: int = Field(8192, ge=16, description="most disk space, in MB")


class ApiSettings(Section):
    """The dashboard and the HTTP API for this machine, without a login."""

    host: str = Field("127.0.0.1", description="address to listen at")
    port: int = Field(8080, ge=0, le=65535, description="port to listen at; 0: any free one")

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if host not in _LOOPBACK:
            raise ValueError(
                f"{host!r}: [api] is for this machine, without a login; for other machines set "
                "[lan] enabled = true, which is HTTPS with accounts"
            )
        return host


class SubjectSettings(Section):
    """A person who is monitored, or a simulated one."""

    id: str = Field(description="unique, never reused")
    label: str = Field("", description="label on the pages; no full name is needed")
    bed: str = Field("", description="where the subject is, any text")
    detail: str = Field("", description="one line shown beside the label")
    age: float | str | None = Field(
        None,
        description='years, or text such as "3 d", "8 mo", "5 y"; unset: an adult',
    )
    sex: Literal["", "female", "male", "other"] = Field("", description="shown beside the age")
    spo2_scale: int = Field(1, ge=1, le=2, description="NEWS2 SpO2 scale; 2 only if prescribed")
    limits: dict[str, Any] = Field(
        default_factory=dict, description="alarm limits that differ from the defaults"
    )
    channel_labels: dict[str, str] = Field(
        default_factory=dict, description='names of leads that differ, {ecg_ii = "MLII"}'
    )
    _id_is_plain = field_validator("id")(_plain)

    @field_validator("age", mode="before")
    @classmethod
    def _no_switch(cls, age: Any) -> Any:
        if isinstance(age, bool):
            raise ValueError('age is years as a number, or text such as "3 d", "8 mo", "5 y"')
        return age

    @field_validator("age")
    @classmethod
    def _known(cls, age: float | str | None) -> float | str | None:
        profile_of(age)
        return age

    @field_validator("bed")
    @classmethod
    def _named(cls, bed: str) -> str:
        if bed:
            bed_id(bed)
        return bed

    @field_validator("limits")
    @classmethod
    def _usable(cls, limits: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        check_limits(limits, info.data.get("age"))
        return limits

    @field_validator("channel_labels")
    @classmethod
    def _metrics(cls, labels: dict[str, str]) -> dict[str, str]:
        for metric in labels:
            if metric not in METRICS:
                raise ValueError(f"no metric {metric!r}{_meant(metric, METRICS)}")
        return labels


class DeviceSettings(Section):
    """A device that this gateway may use, and whom it is worn by."""

    id: str = Field(description="unique on this gateway")
    driver: str = Field(description="name of the driver, see: teleward drivers list")
    address: str | None = Field(None, description="Bluetooth address (BLE drivers)")
    port: str | None = Field(None, description="serial port, /dev/serial/by-id/... or a URL")
    subject: str | None = Field(None, description="id of the subject who wears it")
    label: str = Field("", description="what people call the device")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the driver")
    _id_is_plain = field_validator("id")(_plain)

    @field_validator("driver")
    @classmethod
    def _known(cls, driver: str) -> str:
        if driver not in catalogue():
            hint = _meant(driver, catalogue()) or "; see: teleward drivers list"
            raise ValueError(f"no driver named {driver!r}{hint}")
        return driver

    @model_validator(mode="after")
    def _one_place(self) -> "DeviceSettings":
        link = catalogue()[self.driver].link
        wanted, other = ("address", "port") if link is LinkType.BLE else ("port", "address")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"driver {self.driver!r} needs {wanted} and no {other}")
        return self

    @property
    def place(self) -> str:
        """The address or the port."""
        return self.address or self.port or ""


class NetworkSettings(Section):
    """What the network costs."""

    budget_mb_per_day: float | None = Field(
        None,
        ge=1,
        description="most traffic of MQTT in MB a day; when it is too little, waveforms are left "
        "out first, then values but one every 10 s; alarms never",
    )


class Settings(Section):
    """The whole settings file; what goes together of it is checked in `check`."""

    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    radio: RadioSettings = Field(default_factory=RadioSettings)
    signal: SignalSettings = Field(default_factory=SignalSettings)
    journal: JournalSettings = Field(default_factory=JournalSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    lan: LanSettings = Field(
        default_factory=LanSettings, description="pages for other machines, by HTTPS and login"
    )
    access: AccessSettings = Field(
        default_factory=AccessSettings, description="how long logins last"
    )
    mqtt: MqttSettings | None = Field(
        None, description="the MQTT broker; without it the gateway starts one of its own"
    )
    influx: InfluxSettings | None = Field(
        None, description="the InfluxDB server; without it history stays in the journal"
    )
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    sinks: SinkSections = Field(
        default_factory=SinkSections, description="sinks of installed packages, one table each"
    )
    embedded_broker: EmbeddedBrokerSettings = Field(default_factory=EmbeddedBrokerSettings)
    alarms: AlarmDeliverySettings = Field(
        default_factory=AlarmDeliverySettings, description="alarm notifications"
    )
    remote_commands: RemoteCommandSettings = Field(
        default_factory=RemoteCommandSettings, description="users who may send commands by MQTT"
    )
    classroom: ClassroomSettings = Field(
        default_factory=ClassroomSettings, description="teaching rooms of simulated patients"
    )
    update: UpdateSettings = Field(
        default_factory=UpdateSettings, description="how a new version is watched"
    )
    subjects: list[SubjectSettings] = Field([], description="subjects known from the start")
    devices: list[DeviceSettings] = Field([], description="devices known from the start")
