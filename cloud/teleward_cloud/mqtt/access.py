"""ACL files for mosquitto that keep field and simulated data apart, and everyone to their task.

    user gateway-field        writes its status, devices, records, replies; reads commands
    user collector-field      reads records, writes confirmations
    user viewer-field         reads status, devices, records
    user operator-field       viewer, and writes commands, reads replies
    user gateway-simulated ...the same four below the other root

Format: mosquitto.conf(5), acl_file. What is not allowed is forbidden: a simulated gateway cannot
publish as a patient, and who listens to simulated data hears no patient. MQTT 5 brokers answer a
forbidden publish with 0x87; under 3.1.1 they drop it without a word.
"""

from collections.abc import Iterator

from teleward_cloud.mqtt.settings import MqttSettings
from teleward_signal.model import Provenance

ROLES = ("gateway", "collector", "viewer", "operator")
_RECORDS = ("status", "device/#", "live/#", "backfill/#")
_WRITES = {
    "gateway": (*_RECORDS, "home/#", "reply/#"),
    "collector": ("confirmed",),
    "viewer": (),
    "operator": ("command/#",),
}
_COLLECTORS = {"gateway": "read", "collector": "write", "viewer": "read", "operator": "read"}
_READS = {
    "gateway": ("command/#", "confirmed", "device/#", "status"),
    "collector": _RECORDS,
    "viewer": (*_RECORDS, "home/#"),
    "operator": (*_RECORDS, "reply/#"),
}


def user(role: str, provenance: Provenance) -> str:
    """Return the user name of a role."""
    return f"{role}-{provenance.value}"


def acl_file(settings: MqttSettings) -> str:
    """Return the text of an acl_file for the roots of ``settings``."""
    return "\n".join(_lines(settings)) + "\n"


def _lines(settings: MqttSettings) -> Iterator[str]:
    yield "# Written by Teleward: field and simulated data apart, everyone to their task."
    for provenance in Provenance:
        simulated = provenance is Provenance.SIMULATED
        root = settings.simulated_topic_root if simulated else settings.topic_root
        for role in ROLES:
            yield ""
            yield f"user {user(role, provenance)}"
            yield from (f"topic write {root}/+/{topic}" for topic in _WRITES[role])
            yield from (f"topic read {root}/+/{topic}" for topic in _READS[role])
            if role in _COLLECTORS:
                yield f"topic {_COLLECTORS[role]} {root}/_collectors/#"
            if role == "gateway" and settings.home_assistant.enabled and not simulated:
                yield f"topic readwrite {settings.home_assistant.prefix}/sensor/#"
