"""Reason codes of MQTT 5.0 (section 2.4), what each asks of a client, and the remedy. Pure.

    CONNACK, PUBACK, SUBACK, UNSUBACK, DISCONNECT carry one octet: 0x00-0x7F done, else refused

Brokers also send codes where the standard has none (mosquitto 2.0.11: PUBACK 0x95 for
message_size_limit), and codes of their own; all are understood here, whatever packet they are in.
"""

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

FIRST_REFUSAL = 0x80


class Effect(Enum):
    """Meaning of a reason code for the message or connection that it answers."""

    DONE = auto()
    """Nothing is wrong."""
    WAIT = auto()
    """The broker cannot now: try again later."""
    SLOWER = auto()
    """Too many messages or bytes: try again later, and slower."""
    TOO_LARGE = auto()
    """The message is larger than the broker takes."""
    MESSAGE = auto()
    """The broker will never take this message."""
    RIGHTS = auto()
    """A person changes what this client may do, at the broker or in the settings."""
    PROTOCOL = auto()
    """One side broke the protocol: connect again."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason code; ``remedy`` is empty where nothing can be done but wait."""

    code: int
    name: str
    effect: Effect
    remedy: str = ""

    @property
    def refused(self) -> bool:
        """Whether the broker refuses."""
        return self.code >= FIRST_REFUSAL

    @property
    def may_blame_message(self) -> bool:
        """Whether a connection that ends with it may end because of what was sent.

        A broker that stops, is busy or misses the keep alive would have ended it anyway.
        """
        return self.effect in _MESSAGE_EFFECTS and self.code not in _OWN_CAUSES

    def __str__(self) -> str:
        return self.name


_MESSAGE_EFFECTS = frozenset(
    {Effect.DONE, Effect.TOO_LARGE, Effect.MESSAGE, Effect.PROTOCOL, Effect.WAIT}
)
_OWN_CAUSES = frozenset({0x88, 0x89, 0x8B, 0x8D, 0x98, 0xA0})
"""Server unavailable, busy, shutting down, keep alive, administrative action, connect time."""
_LOGIN = "correct mqtt.username and mqtt.password"
_ACL = "allow this user to publish and subscribe below mqtt.topic_root at the broker"
_IDENTITY = "another client has its id: give each gateway its own gateway.name"
_KNOWN = (
    (0x00, "Success", Effect.DONE, ""),
    (0x01, "Granted QoS 1", Effect.DONE, ""),
    (0x02, "Granted QoS 2", Effect.DONE, ""),
    (0x04, "Disconnect with will message", Effect.DONE, ""),
    (0x10, "No matching subscribers", Effect.DONE, ""),
    (0x11, "No subscription existed", Effect.DONE, ""),
    (0x18, "Continue authentication", Effect.PROTOCOL, _LOGIN),
    (0x19, "Re-authenticate", Effect.PROTOCOL, _LOGIN),
    (0x80, "Unspecified error", Effect.WAIT, "see the broker's log"),
    (0x81, "Malformed packet", Effect.PROTOCOL, ""),
    (0x82, "Protocol error", Effect.PROTOCOL, "see the broker's log"),
    (0x83, "Implementation specific error", Effect.WAIT, "see the broker's log"),
    (0x84, "Unsupported protocol version", Effect.PROTOCOL, 'set mqtt.version = "3.1.1"'),
    (0x85, "Client identifier not valid", Effect.RIGHTS, "set another mqtt.client_id"),
    (0x86, "Bad user name or password", Effect.RIGHTS, _LOGIN),
    (0x87, "Not authorized", Effect.RIGHTS, _LOGIN),
    (0x88, "Server unavailable", Effect.WAIT, ""),
    (0x89, "Server busy", Effect.WAIT, ""),
    (0x8A, "Banned", Effect.RIGHTS, "ask who runs the broker"),
    (0x8B, "Server shutting down", Effect.WAIT, ""),
    (0x8C, "Bad authentication method", Effect.RIGHTS, _LOGIN),
    (0x8D, "Keep alive timeout", Effect.PROTOCOL, "check the network"),
    (0x8E, "Session taken over", Effect.RIGHTS, _IDENTITY),
    (0x8F, "Topic filter invalid", Effect.RIGHTS, "correct mqtt.topic_root"),
    (0x90, "Topic name invalid", Effect.MESSAGE, "correct mqtt.topic_root"),
    (0x91, "Packet identifier in use", Effect.PROTOCOL, ""),
    (0x92, "Packet identifier not found", Effect.PROTOCOL, ""),
    (0x93, "Receive maximum exceeded", Effect.SLOWER, "lower mqtt.window"),
    (0x94, "Topic alias invalid", Effect.PROTOCOL, ""),
    (0x95, "Packet too large", Effect.TOO_LARGE, "raise the broker's limit for packets"),
    (0x96, "Message rate too high", Effect.SLOWER, "lower mqtt.publishes_per_s"),
    (0x97, "Quota exceeded", Effect.SLOWER, "lower mqtt.publishes_per_s, or raise the quota"),
    (0x98, "Administrative action", Effect.WAIT, "ask who runs the broker"),
    (0x99, "Payload format invalid", Effect.MESSAGE, ""),
    (0x9A, "Retain not supported", Effect.PROTOCOL, ""),
    (0x9B, "QoS not supported", Effect.PROTOCOL, 'set mqtt.confirm = "storage" with a collector'),
    (0x9C, "Use another server", Effect.RIGHTS, "correct mqtt.host"),
    (0x9D, "Server moved", Effect.RIGHTS, "correct mqtt.host"),
    (0x9E, "Shared subscriptions not supported", Effect.RIGHTS, "run one collector only"),
    (0x9F, "Connection rate exceeded", Effect.SLOWER, ""),
    (0xA0, "Maximum connect time", Effect.WAIT, ""),
    (0xA1, "Subscription identifiers not supported", Effect.PROTOCOL, ""),
    (0xA2, "Wildcard subscriptions not supported", Effect.RIGHTS, "choose another broker"),
)
_REASONS = {code: Reason(code, name, effect, remedy) for code, name, effect, remedy in _KNOWN}


@lru_cache(maxsize=256)
def reason(code: int) -> Reason:
    """Return what a code means; one that the standard does not name is tried again later."""
    known = _REASONS.get(code)
    if known is not None:
        return known
    effect = Effect.WAIT if code >= FIRST_REFUSAL else Effect.DONE
    return Reason(code, f"reason code 0x{code:02X}", effect, "see the broker's log")


def publish_remedy(found: Reason) -> str:
    """Return what to do about a PUBACK: a login that worked is not what is wrong."""
    return _ACL if found.code == 0x87 else found.remedy
