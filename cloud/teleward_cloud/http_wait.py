"""How long a server asks to wait: the header Retry-After (RFC 9110, 10.2.3)."""

import email.utils
import math
import time

_LONGEST_WAIT_S = 3600.0
"""A server may not stop the delivery for longer with one header."""


def retry_after_s(wait: str | None) -> float | None:
    """Read Retry-After: seconds or an HTTP date (RFC 9110, 10.2.3), an hour at most."""
    if not wait:
        return None
    try:
        wait_s = float(wait)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(wait).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(0.0, wait_s), _LONGEST_WAIT_S) if math.isfinite(wait_s) else None
