"""TLS with client certificates, the ACL files, older protocol versions: real brokers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from teleward_cloud.mqtt.access import ROLES, acl_file, user
from teleward_cloud.mqtt.connection import BrokerRefused, Incoming, MqttConnection, MqttUnavailable
from teleward_cloud.mqtt.settings import HomeAssistantSettings, MqttSettings, MqttVersion
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.tls import TlsSettings, client_context
from teleward_gateway.embedded_broker.mosquitto import password_line
from teleward_gateway.testing.servers import Mosquitto, free_port
from teleward_signal.model import Provenance
from teleward_signal.record import Record

Make = Callable[..., Record]
Wait = Callable[..., Any]


class Authority:
    """A certificate authority that signs what the tests need."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        certificate = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(self._pem(certificate))

    def sign(self, name: str) -> tuple[Path, Path]:
        """Return the files of a certificate for 127.0.0.1 and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        paths = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        paths[0].write_bytes(self._pem(certificate))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    def _pem(self, certificate: x509.CertificateBuilder) -> bytes:
        signed = certificate.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ward-ca")


@pytest.fixture
def encrypted(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    certificate, key = authority.sign("broker")
    server = Mosquitto(
        tmp_path,
        extra=f"listener PORT 127.0.0.1\nallow_anonymous true\ncafile {authority.file}\n"
        f"certfile {certificate}\nkeyfile {key}\nrequire_certificate true\n",
    )
    server.start()
    yield server
    server.stop()


def tls(authority: Authority, client: tuple[Path, Path] | None) -> TlsSettings:
    certificate, key = client or (None, None)
    return TlsSettings(authority_file=authority.file, certificate_file=certificate, key_file=key)


@pytest.mark.parametrize("version", [MqttVersion.V5, MqttVersion.V311])
async def test_mutual_certificates(
    encrypted: Mosquitto, authority: Authority, record: Make, version: MqttVersion
) -> None:
    settings = MqttSettings(
        port=encrypted.port, tls=tls(authority, authority.sign("gateway")), version=version
    )
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    batch = [record(seq) for seq in range(300)]
    assert len((await sink.send(batch, live=True)).acknowledged) == 300
    await sink.close()


async def test_no_or_foreign_certificates_are_refused(
    encrypted: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "other-ca")
    own = authority.sign("gateway")
    for settings in (
        tls(authority, None),
        tls(authority, stranger.sign("stranger")),
        tls(stranger, own),
        None,
    ):
        mqtt = MqttSettings(port=encrypted.port, tls=settings)
        connection = MqttConnection(mqtt, client_id="x", version=MqttVersion.V5)
        with pytest.raises(MqttUnavailable):
            await connection.connect()
        assert connection.ended.is_set()


def test_tls_files_are_named_in_errors(tmp_path: Path, authority: Authority) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        TlsSettings(certificate_file=authority.file)
    with pytest.raises(ValueError, match=r"nowhere\.pem: no such file"):
        client_context(TlsSettings(authority_file=tmp_path / "nowhere.pem"))
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(ValueError, match=r"junk\.pem: not a PEM"):
        client_context(TlsSettings(authority_file=tmp_path / "junk.pem"))
    assert client_context(TlsSettings()).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    names = [user(role, provenance) for role in ROLES for provenance in Provenance]
    passwords = tmp_path / "passwords"
    passwords.write_text("".join(password_line(n, f"secret-{n}", b"0" * 12) for n in names))
    rules = tmp_path / "acl"
    rules.write_text(acl_file(MqttSettings()))
    server = Mosquitto(
        tmp_path,
        extra=f"listener PORT 127.0.0.1\nallow_anonymous false\n"
        f"password_file {passwords}\nacl_file {rules}\n",
    )
    server.start()
    yield server
    server.stop()


class Client:
    """One user of the guarded broker."""

    def __init__(self, server: Mosquitto, role: str, provenance: Provenance) -> None:
        name = user(role, provenance)
        self.heard: list[Incoming] = []
        self.settings = MqttSettings(
            port=server.port, username=name, password=SecretStr(f"secret-{name}")
        )
        self.connection = MqttConnection(
            self.settings, client_id=name, version=MqttVersion.V5, on_message=self.heard.append
        )

    async def __aenter__(self) -> "Client":
        await self.connection.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()


async def test_field_and_simulated_stay_apart(guarded: Mosquitto, eventually: Wait) -> None:
    field, simulated = "teleward/ward-1", "teleward-sim/ward-1"
    async with (
        Client(guarded, "gateway", Provenance.SIMULATED) as pretender,
        Client(guarded, "gateway", Provenance.FIELD) as gateway,
        Client(guarded, "viewer", Provenance.FIELD) as viewer,
        Client(guarded, "viewer", Provenance.SIMULATED) as student,
    ):
        for client in (viewer, student):
            await client.connection.subscribe("#")
        await pretender.connection.publish(f"{simulated}/live/bed-1/numerics", b"played")
        await gateway.connection.publish(f"{field}/live/bed-1/numerics", b"real")
        with pytest.raises(BrokerRefused, match="Not authorized"):
            await pretender.connection.publish(f"{field}/live/bed-1/numerics", b"forged")
        with pytest.raises(BrokerRefused, match="Not authorized"):
            await gateway.connection.publish(f"{simulated}/live/bed-1/numerics", b"mixed up")
        with pytest.raises(BrokerRefused, match="Not authorized"):
            await viewer.connection.publish(f"{field}/command/identify", b"mischief")
        await eventually(lambda: viewer.heard and student.heard)
        await asyncio.sleep(0.1)
        assert [message.payload for message in viewer.heard] == [b"real"]
        assert [message.payload for message in student.heard] == [b"played"]


async def test_every_role_can_do_its_task(guarded: Mosquitto, eventually: Wait) -> None:
    base = "teleward/ward-1"
    async with (
        Client(guarded, "gateway", Provenance.FIELD) as gateway,
        Client(guarded, "collector", Provenance.FIELD) as collector,
        Client(guarded, "operator", Provenance.FIELD) as operator,
    ):
        await gateway.connection.subscribe(f"{base}/command/+", f"{base}/confirmed")
        await collector.connection.subscribe("$share/collectors/teleward/+/live/#")
        await operator.connection.subscribe(f"{base}/reply/+")
        for topic in ("status", "device/ox-1", "live/bed-1/alarms", "backfill/bed-1/numerics"):
            await gateway.connection.publish(f"{base}/{topic}", b"x")
        await gateway.connection.publish(f"{base}/reply/identify", b"done")
        await collector.connection.publish(f"{base}/confirmed", b"stored")
        await operator.connection.publish(f"{base}/command/identify", b"please")
        await eventually(lambda: len(gateway.heard) == 2 and collector.heard and operator.heard)
        assert {message.payload for message in gateway.heard} == {b"stored", b"please"}


async def test_a_forbidden_topic_rejects_the_records_and_says_so(
    guarded: Mosquitto, record: Make, eventually: Wait
) -> None:
    settings = Client(guarded, "gateway", Provenance.FIELD).settings
    wrong = settings.model_copy(update={"topic_root": "elsewhere"})
    sink = MqttSink(wrong, gateway="ward-1", provenance=Provenance.FIELD)
    await sink.open()
    await eventually(lambda: "Not authorized" in (sink.last_error or ""))
    assert not sink.connected
    answer = await sink.send([record(1, provenance=Provenance.FIELD)], live=True)
    assert answer.acknowledged == ()
    await sink.close()


@pytest.fixture
async def old_broker() -> AsyncIterator[int]:
    """A broker of MQTT 3.1.1 only: iotcore."""
    from iotcore import Broker

    port = free_port()
    broker = Broker(port=port, listen="127.0.0.1")
    await asyncio.to_thread(broker.start)
    yield port
    await asyncio.to_thread(broker.stop)


async def test_auto_falls_back_to_311(old_broker: int, record: Make) -> None:
    sink = MqttSink(
        MqttSettings(port=old_broker), gateway="ward-3", provenance=Provenance.SIMULATED
    )
    await sink.open()
    await sink.wait_connected(30)
    assert sink.version is MqttVersion.V311
    batch = [record(seq) for seq in range(100)]
    assert len((await sink.send(batch, live=True)).acknowledged) == 100
    await sink.close()


async def test_version_5_is_not_given_up_when_it_was_asked_for(old_broker: int) -> None:
    sink = MqttSink(
        MqttSettings(port=old_broker, version=MqttVersion.V5),
        gateway="ward-3",
        provenance=Provenance.SIMULATED,
    )
    await sink.open()
    with pytest.raises(TimeoutError):
        await sink.wait_connected(1)
    await sink.close()


async def test_a_broker_that_refuses_discovery_still_gets_the_records(
    guarded: Mosquitto, record: Make, eventually: Wait
) -> None:
    name = user("gateway", Provenance.SIMULATED)
    settings = MqttSettings(
        port=guarded.port,
        username=name,
        password=SecretStr(f"secret-{name}"),
        home_assistant=HomeAssistantSettings(enabled=True, prefix="homeassistant"),
    )
    sink = MqttSink(settings, gateway="ward-3", provenance=Provenance.SIMULATED)
    await sink.open()
    await sink.wait_connected(30)
    delivery = await sink.send([record(1)], live=True)
    assert delivery.acknowledged == (record(1).id,)
    await eventually(lambda: "refuses retained messages" in (sink.last_error or ""))
    assert sink.connected
    await sink.close()
