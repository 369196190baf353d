"""The command message, signed: encode, decode, verify (pure).

    {"id": "2f6c...", "command": "measure-nibp", "user": "dr-1", "arguments": {"device": "cuff-1"},
     "expires": "2026-03-01T08:01:00.000000000Z", "signature": "hex"}

The signature is HMAC-SHA256 with the user's key over the canonical JSON (sorted keys, no blanks) of
all other fields and ``"to"``: the command topic. So a command for one gateway cannot be played to
another, nor one for simulated patients to real ones; its id works once, its time is short.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from teleward_cloud.mqtt.payload import PayloadError, from_rfc3339, rfc3339
from teleward_signal.errors import Invalid

_LARGEST = 16_384
"""Bytes; alarm limits of every metric take 3 KB."""


class CommandError(Invalid):
    """A message that is not a valid command, with the reason."""


@dataclass(frozen=True, slots=True)
class Command:
    """One request; ``expires_ns`` is UTC."""

    id: str
    name: str
    user: str
    expires_ns: int
    arguments: dict[str, Any] = field(default_factory=dict)


def encode(command: Command, to: str, key: bytes) -> bytes:
    """Return the signed message for topic ``to``."""
    content = _content(command)
    signed = content | {"signature": _signature(content, to, key)}
    return json.dumps(signed).encode()


def decode(message: bytes) -> tuple[Command, str]:
    """Return the command and its signature, unverified; raises `CommandError`."""
    if len(message) > _LARGEST:
        raise CommandError(f"a command has at most {_LARGEST} bytes")
    try:
        found = json.loads(message)
        command = Command(
            _text(found, "id"),
            _text(found, "command"),
            _text(found, "user"),
            from_rfc3339(_text(found, "expires")),
            found.get("arguments", {}),
        )
        if not isinstance(command.arguments, dict):
            raise CommandError("arguments must be an object")
        return command, _text(found, "signature")
    except CommandError:
        raise
    except (PayloadError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CommandError(f"not a command: {error}") from error


def is_signed(command: Command, signature: str, to: str, key: bytes) -> bool:
    """Return whether the owner of ``key`` signed this command for topic ``to``."""
    expected = _signature(_content(command), to, key)
    return hmac.compare_digest(expected.encode(), signature.encode())


def _content(command: Command) -> dict[str, Any]:
    return {
        "id": command.id,
        "command": command.name,
        "user": command.user,
        "expires": rfc3339(command.expires_ns),
        "arguments": command.arguments,
    }


def _signature(content: dict[str, Any], to: str, key: bytes) -> str:
    signed = json.dumps(content | {"to": to}, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()


def _text(found: Any, key: str) -> str:
    value = found[key]
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise CommandError(f"{key} must be a short text")
    return value
