"""Checks of what the gateway talks to: broker, InfluxDB, certificates."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from teleward_cloud.influx.answers import judge
from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.mqtt.broker_limits import BrokerLimits
from teleward_cloud.mqtt.connection import BrokerRefused, MqttConnection, MqttUnavailable
from teleward_cloud.mqtt.profiles import BrokerProfile
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings, MqttVersion
from teleward_cloud.mqtt.topics import Topics
from teleward_cloud.mqtt.versions import connect
from teleward_cloud.problems import connection_problem
from teleward_cloud.tls import TlsSettings, client_context
from teleward_gateway.health.broker_service import check_service
from teleward_gateway.health.findings import Finding, failed, ok, warning
from teleward_gateway.health.own_broker import check_own_broker
from teleward_gateway.settings.model import Settings

_SOON = timedelta(days=30)
"""Time to get a new certificate in a hospital."""
_ANSWER_S = 5.0
_SMALL_PACKET = 4096
_RETAINED_S = 0.3
"""Time for a broker to send what it has retained."""
_TIME = rb"(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)"
_VALIDITY = re.compile(rb"\x30." + _TIME + _TIME, re.DOTALL)
"""The Validity of an X.509 certificate in DER (RFC 5280, 4.1.2.5): two times in a sequence."""


async def check_broker(
    settings: Settings, profile: BrokerProfile | None = None, *, gateway_runs: bool = False
) -> AsyncIterator[Finding]:
    """Connect to the configured broker, or see that one can be started.

    ``gateway_runs``: the broker of its own runs with it.
    """
    if settings.mqtt is not None:
        async for found in _check_configured_broker(settings.mqtt):
            yield found
        profile = profile or settings.mqtt.profile
        if profile is not None:
            gateway = settings.gateway
            for found in check_service(settings.mqtt, gateway.name, gateway.mode, profile):
                yield found
    elif profile is not None:
        remedy = f'add [mqtt] with host, tls and profile = "{profile.value}"'
        yield failed("broker service", "the settings name no broker", remedy)
    else:
        for found in await asyncio.to_thread(
            lambda: list(
                check_own_broker(
                    settings.embedded_broker, settings.gateway.mode, gateway_runs=gateway_runs
                )
            )
        ):
            yield found


async def _check_configured_broker(settings: MqttSettings) -> AsyncIterator[Finding]:
    host, port = settings.address
    try:
        async with asyncio.timeout(3 * _ANSWER_S):
            connection = await connect(
                settings,
                lambda version: MqttConnection(
                    settings, client_id="teleward-doctor", version=version
                ),
            )
    except MqttUnavailable as error:
        remedy = f"check that a broker runs at {host}:{port} and that [mqtt] is right"
        yield failed("broker", error.problem.what, error.problem.remedy or remedy)
        return
    except (TimeoutError, ValueError) as error:
        yield failed("broker", str(error) or "no answer", "check that [mqtt] is right")
        return
    version, limits = connection.version, connection.limits
    collectors = await _collectors(settings, connection)
    await connection.close()
    for finding in (
        *_encryption(settings, version),
        *_confirmation(settings, limits, collectors),
        *_shortfalls(limits),
    ):
        yield finding


def _encryption(settings: MqttSettings, version: MqttVersion) -> Iterator[Finding]:
    host, port = settings.address
    if settings.tls is None and host not in ("127.0.0.1", "localhost", "::1"):
        yield warning(
            "broker",
            f"{host}:{port}, MQTT {version}, not encrypted",
            "health data over a network needs [mqtt.tls]",
        )
    else:
        yield ok("broker", f"{host}:{port}, MQTT {version}")


def _confirmation(
    settings: MqttSettings, limits: BrokerLimits, collectors: int
) -> Iterator[Finding]:
    if collectors and settings.confirm is Confirmation.PUBACK:
        yield warning(
            "broker",
            f"{collectors} collectors stand here, but records count as delivered before storage",
            'set mqtt.confirm = "auto" or "storage"',
        )
    if limits.qos == 0 and settings.confirm is not Confirmation.STORAGE:
        remedy = 'set mqtt.confirm = "storage" and run `teleward collect`, or use another broker'
        yield failed("broker", "it takes QoS 0 only, where nothing is acknowledged", remedy)


def _shortfalls(limits: BrokerLimits) -> Iterator[Finding]:
    if not limits.retain:
        yield warning(
            "broker",
            "it keeps no retained messages: newcomers wait for the next status",
            "allow retained messages at the broker",
        )
    if limits.packet_bytes is not None and limits.packet_bytes < _SMALL_PACKET:
        yield warning(
            "broker",
            f"it takes packets of {limits.packet_bytes} bytes only",
            "raise its limit: one second of waveforms has some 1000 bytes a stream",
        )


async def _collectors(settings: MqttSettings, connection: MqttConnection) -> int:
    """Return how many collectors show themselves at the broker."""
    found: set[str] = set()
    connection.listen(lambda message: found.add(message.topic) if message.payload else None)
    for root in (settings.topic_root, settings.simulated_topic_root):
        with contextlib.suppress(BrokerRefused, MqttUnavailable):
            await connection.subscribe(Topics(root, "-").collectors)
    await asyncio.sleep(_RETAINED_S)
    return len(found)


async def check_influx(settings: Settings) -> AsyncIterator[Finding]:
    """Ask InfluxDB whether it is there, and whether the token may write the bucket."""
    influx = settings.influx
    if influx is None:
        yield ok("InfluxDB", "none configured; history stays in the journal")
        return
    bucket = influx.bucket if settings.gateway.mode == "field" else influx.simulated_bucket
    try:
        status, headers, body = await _empty_write(influx, bucket)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        problem = connection_problem("influx", influx.url, error)
        yield failed("InfluxDB", problem.what, problem.remedy)
        return
    remedies = {
        401: "set influx.token to a token of this server",
        403: f"give the token permission to write {bucket}",
        404: f"create the bucket {bucket}, or correct influx.bucket and influx.organisation",
    }
    text = " ".join(body[:200].decode(errors="replace").split())
    answer = judge(status, headers, body)
    if answer is not None and answer.foreign and status < 500:
        remedy = "log in to this network, or correct influx.url"
        yield failed("InfluxDB", f"{influx.url}: {answer.reason}", remedy)
    elif status in remedies:
        yield failed("InfluxDB", f"{influx.url}: HTTP {status} {text}", remedies[status])
    elif status >= 500:
        yield failed("InfluxDB", f"{influx.url}: HTTP {status} {text}", "see the server's log")
    else:
        yield ok("InfluxDB", f"{influx.url}, bucket {bucket}")


async def _empty_write(influx: InfluxSettings, bucket: str) -> tuple[int, Mapping[str, str], bytes]:
    """Store nothing, but pass the checks of token, organisation and bucket."""
    tls = client_context(influx.tls) if influx.tls else True
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with (
        aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
        session.post(
            f"{influx.url}/api/v2/write",
            params={"org": influx.organisation, "bucket": bucket, "precision": "ns"},
            headers={"Authorization": f"Token {influx.token.get_secret_value()}"},
            data=b"",
            allow_redirects=False,
        ) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.read()


def check_certificates(settings: Settings) -> Iterator[Finding]:
    """See that certificates can be read, belong to their keys, and last a while."""
    sections: dict[str, TlsSettings | None] = {
        "mqtt.tls": settings.mqtt.tls if settings.mqtt else None,
        "influx.tls": settings.influx.tls if settings.influx else None,
    }
    if not any(sections.values()):
        yield ok("certificate", "none configured")
    for section, tls in sections.items():
        if tls is None:
            continue
        try:
            client_context(tls)
        except ValueError as error:
            yield failed("certificate", f"{section}: {error}", "correct the path or the file")
            continue
        for path in (tls.authority_file, tls.certificate_file):
            if path is not None:
                yield _check_validity(section, path)


def _check_validity(section: str, path: Path) -> Finding:
    end = expiry(path)
    if end is None:
        return warning("certificate", f"{section}: {path}: no date found", "look at the file")
    left = end - datetime.now(UTC)
    text = f"{section}: {path} is valid until {end:%Y-%m-%d}"
    if left < timedelta(0):
        return failed("certificate", text, "get a new certificate: nothing can connect with it")
    if left < _SOON:
        return warning("certificate", text, "get a new certificate soon")
    return ok("certificate", text)


def expiry(path: Path) -> datetime | None:
    """Return when the first certificate of a PEM file ends, or ``None`` when it cannot be read."""
    try:
        text = path.read_text(encoding="ascii", errors="ignore")
        start = text.index("-----BEGIN CERTIFICATE-----")
        stop = text.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
        found = _VALIDITY.search(ssl.PEM_cert_to_DER_cert(text[start:stop]))
    except (OSError, ValueError):
        return None
    if found is None:
        return None
    short, long = found[3], found[4]
    if long is not None:
        return datetime.strptime(long.decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    # two digits mean 1950 to 2049 (RFC 5280, 4.1.2.5.1)
    century = "20" if int(short[:2]) < 50 else "19"
    return datetime.strptime(century + short.decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
