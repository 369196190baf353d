"""Answers to a write: who gave them, and what they mean. Pure.

    204                                   stored: nothing else is
    400, 422 of the server itself         a point is at fault (type conflict, no line protocol ...)
    413                                   the request is too large, for the server or a proxy
    everything else                       the server, its settings or the way to it

A redirect, a login page (200) or a proxy's 400 come from somebody else, who has stored nothing.
The server itself answers JSON: ``{"code", "message"}`` (InfluxDB 2), ``{"error"}`` (1),
``{"error", "data": [{"error_message", "line_number", ...}]}`` (3), or names itself in a header.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from teleward_cloud.http_wait import retry_after_s

STORED = 204
_BLAMES_DATA = (
    "unable to parse",
    "partial write",
    "field type conflict",
    "beyond retention",
    "invalid field format",
    "failed to parse",
    "parsing failed",
    "invalid column type",
)
"""Server messages of a point at fault; a 400 in other words and without a code for it is the fault
of the settings."""
_OWN_CODES = frozenset({"invalid", "unprocessable entity", "request too large"})
"""Codes of InfluxDB 2 with which it refuses what was sent, not who sent it."""
_OWN_HEADERS = ("x-influxdb-version", "x-influxdb-error", "x-platform-error-code")
_REMEDIES = {
    401: "the token is refused: set influx.token to a token of this server",
    403: "the token may not write this bucket: give it write permission",
    404: "no such bucket or organisation: create it or correct influx.bucket",
}
_LONGEST = 300
"""Characters of an answer that are shown; an HTML page has no end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no 204, or none at all (status 0); ``foreign``: not InfluxDB's."""

    status: int
    reason: str
    retry_after_s: float | None = None
    blames_data: bool = False
    foreign: bool = False


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Return what an answer means; ``None``: the server has stored everything."""
    if status == STORED:
        return None
    lower = {key.lower(): value for key, value in headers.items()}
    wait_s = retry_after_s(lower.get("retry-after"))
    words, of_content = _own_words(lower, body)
    if words is None:
        reason = _foreign(status, lower, body)
        return Answer(status, reason, wait_s, blames_data=status == 413, foreign=status != 413)
    remedy = _REMEDIES.get(status)
    reason = f"HTTP {status}: {words[:_LONGEST]}" + (f" ({remedy})" if remedy else "")
    lowered = words.lower()
    at_fault = of_content or (of_content is None and any(sign in lowered for sign in _BLAMES_DATA))
    blames_data = status == 413 or (status in (400, 422) and at_fault)
    return Answer(status, reason, wait_s, blames_data=blames_data)


def _own_words(headers: Mapping[str, str], body: bytes) -> tuple[str | None, bool | None]:
    """Return the server's own words and whether they are about what was sent.

    The words are ``None`` when the answer is somebody else's, whether it is about what was sent
    when only the words tell.
    """
    if headers.get("content-type", "").startswith("text/html"):
        return None, False
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        code, message, error = found.get("code"), found.get("message"), found.get("error")
        if isinstance(message, str) and isinstance(code, str):
            return message, code in _OWN_CODES
        if isinstance(error, str):
            return error + _first_line(found.get("data")), None
    if any(name in headers for name in _OWN_HEADERS):
        return headers.get("x-influxdb-error") or _text(body) or "no reason given", None
    return None, False


def _first_line(data: object) -> str:
    """Return what InfluxDB 3 has against the first line that it names, ``data`` of its answer."""
    first = data[0] if isinstance(data, list) and data else data
    why = first.get("error_message") if isinstance(first, dict) else None
    return f": {why}" if isinstance(why, str) else ""


def _foreign(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Return why an answer counts for nothing."""
    if status == 429 or status >= 500:
        return f"HTTP {status}: {_text(body)[:_LONGEST] or 'no reason given'}"
    if 300 <= status < 400:
        to = headers.get("location", "elsewhere")[:100]
        what = f"sends the request to {to}"
    elif 200 <= status < 300:
        what = "is no answer to a write"
    else:
        remedy = _REMEDIES.get(status)
        if remedy:
            return f"HTTP {status} ({remedy})"
        what = "does not come from InfluxDB"
    return (
        f"HTTP {status} {what}: a login page or a proxy stands in the way; "
        "log in to this network, or correct influx.url"
    )


def _text(body: bytes) -> str:
    return " ".join(body[: 4 * _LONGEST].decode(errors="replace").split())
