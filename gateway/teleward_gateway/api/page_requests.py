"""A page's request over its WebSocket: JSON of a few words, whatever else it sends is ignored."""

import json
from typing import Any

REQUEST_LIMIT = 1024
"""Characters of a page's message; a ping has 40."""


def parse_request(text: str) -> dict[str, Any]:
    """Return the request, or an empty one for what cannot be understood."""
    if len(text) > REQUEST_LIMIT:
        return {}
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}
