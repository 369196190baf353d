"""Checks of the MQTT settings against the limits of a well-known service; nothing is sent."""

from collections.abc import Iterator

from teleward_cloud.mqtt.profiles import LIMITS, BrokerProfile, ServiceLimits
from teleward_cloud.mqtt.settings import Bundle, Confirmation, MqttSettings, Transport
from teleward_cloud.mqtt.topics import Topics
from teleward_gateway.health.findings import Finding, failed, ok, warning
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind

_CHECK = "broker service"
_SUBJECT = "x" * 64
"""The longest id of a subject or device."""
_WARD_PER_S = 30.0
"""Messages a second of eight subjects with a topic each (measured 23 to 29)."""


def check_service(
    settings: MqttSettings, gateway: str, provenance: Provenance, profile: BrokerProfile
) -> Iterator[Finding]:
    """Compare the settings with what the service allows."""
    limits = LIMITS[profile]
    found = [
        *_transport(settings, limits),
        *_names(settings, gateway, provenance, limits),
        *_rates(settings, limits),
        *_session(settings, limits),
    ]
    if settings.profile is not profile:
        found.append(
            warning(
                _CHECK,
                f"mqtt.profile is not set: limits of {limits.title} are not kept",
                f'set mqtt.profile = "{profile.value}"',
            )
        )
    yield from found or [ok(_CHECK, f"the settings keep the limits of {limits.title}")]


def _transport(settings: MqttSettings, limits: ServiceLimits) -> Iterator[Finding]:
    if limits.tls and settings.tls is None:
        yield failed(_CHECK, f"{limits.title} takes TLS only", "add a section [mqtt.tls]")
    port = settings.address[1]
    websockets = settings.transport is Transport.WEBSOCKETS
    if websockets and port != limits.websocket_port:
        remedy = f"set mqtt.port = {limits.websocket_port}"
        yield warning(_CHECK, f"{limits.title} has websockets at {limits.websocket_port}", remedy)
    if not websockets and port == 443:
        if limits.alpn is None:
            remedy = 'set mqtt.transport = "websockets"'
            yield failed(_CHECK, f"{limits.title} has websockets at port 443, not MQTT", remedy)
        elif limits.alpn not in settings.alpn:
            remedy = f'set mqtt.alpn = ["{limits.alpn}"]'
            yield failed(_CHECK, f"{limits.title} shares port 443 by ALPN", remedy)


def _names(
    settings: MqttSettings, gateway: str, provenance: Provenance, limits: ServiceLimits
) -> Iterator[Finding]:
    simulated = provenance is Provenance.SIMULATED
    topics = Topics(settings.simulated_topic_root if simulated else settings.topic_root, gateway)
    deepest = max(_topics(settings, topics), key=lambda topic: topic.count("/"))
    if limits.topic_slashes is not None and deepest.count("/") > limits.topic_slashes:
        over = deepest.count("/") - limits.topic_slashes
        yield failed(
            _CHECK,
            f"{limits.title} takes {limits.topic_slashes} slashes in a topic, {deepest.count('/')} "
            "are used",
            f"shorten mqtt.topic_root by {over} levels",
        )
    longest = max(_topics(settings, topics), key=len)
    if limits.topic_bytes is not None and len(longest.encode()) > limits.topic_bytes:
        what = f"{limits.title} takes topics of {limits.topic_bytes} bytes"
        yield failed(_CHECK, what, "shorten mqtt.topic_root or gateway.name")
    client_id = settings.client_id or f"teleward-{gateway}"
    if limits.client_id_bytes is not None and len(client_id.encode()) > limits.client_id_bytes:
        what = f"{limits.title} takes client ids of {limits.client_id_bytes} bytes"
        yield failed(_CHECK, what, "set a shorter mqtt.client_id")


def _topics(settings: MqttSettings, topics: Topics) -> list[str]:
    """Return the longest topic of each kind."""
    found = [topics.status, topics.confirmed, topics.commands, topics.device(_SUBJECT)]
    if settings.home_assistant.enabled:
        found.append(topics.home(_SUBJECT, "respiratory_rate"))
    if settings.bundle is Bundle.GATEWAY:
        return [*found, topics.bundle(live=False)]
    kind = RecordKind.WAVEFORM if settings.waveforms else RecordKind.ANNOTATION
    return [*found, topics.records(kind, _SUBJECT, "arterial_pressure", live=False)]


def _rates(settings: MqttSettings, limits: ServiceLimits) -> Iterator[Finding]:
    per_s = limits.publishes_per_s
    if per_s is None:
        return
    if settings.publishes_per_s is not None and settings.publishes_per_s > per_s:
        what = f"{limits.title} takes {per_s:g} messages a second"
        yield warning(_CHECK, what, f"set mqtt.publishes_per_s = {per_s:g}")
    if settings.bundle is Bundle.SUBJECT and per_s < _WARD_PER_S:
        what = f"{limits.title} takes {per_s:g} messages a second, eight subjects make 30"
        yield failed(_CHECK, what, 'set mqtt.bundle = "gateway"')
    if settings.home_assistant.enabled and per_s < _WARD_PER_S:
        what = f"{limits.title} takes {per_s:g} messages a second: Home Assistant misses values"
        yield warning(_CHECK, what, "use a local broker for Home Assistant")


def _session(settings: MqttSettings, limits: ServiceLimits) -> Iterator[Finding]:
    if limits.keep_alive_s is not None:
        low, high = limits.keep_alive_s
        if not low <= settings.keepalive_s <= high:
            what = f"{limits.title} takes a keep alive of {low} to {high} s"
            yield warning(_CHECK, what, "correct mqtt.keepalive_s")
    if limits.qos == 0 and settings.confirm is Confirmation.PUBACK:
        what = f"{limits.title} acknowledges nothing (QoS 0)"
        yield failed(_CHECK, what, 'set mqtt.confirm = "storage" and run `teleward collect`')
