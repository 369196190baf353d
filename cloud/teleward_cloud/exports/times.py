"""Times as exports write them: UTC, without rounding."""

import re
from datetime import UTC, datetime

from teleward_signal.errors import Invalid

_NS = 1_000_000_000
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")


def iso_ns(time_ns: int) -> str:
    """Return UTC ns as ISO 8601 with nine decimals: 2026-03-01T08:00:00.250000000Z."""
    seconds, rest = divmod(time_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def compact(time_ns: int) -> str:
    """Return UTC ns for a file name, to the millisecond: 20260301T080000.250Z."""
    seconds, rest = divmod(time_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}.{rest // 1_000_000:03d}Z"


def parse_ns(text: str) -> int:
    """Return UTC ns of an ISO 8601 time, or of a date (its begin); raises Invalid.

    Without a zone the time is UTC.
    """
    stripped = text.strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", stripped):
        stripped += "T00:00:00Z"
    found = _TIME.fullmatch(stripped)
    try:
        if found is None:
            raise ValueError
        date, clock, fraction, zone = found.groups()
        zone = "+00:00" if zone in (None, "Z") else zone
        whole = datetime.fromisoformat(f"{date}T{clock}{zone}")
    except ValueError:
        raise Invalid(f"{text!r} is no time: write 2026-03-01T08:00:00Z, or 2026-03-01") from None
    return int(whole.timestamp()) * _NS + int((fraction or "0").ljust(9, "0"))
