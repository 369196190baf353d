"""What a running gateway reports of itself, for ``teleward doctor``."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from teleward_gateway.health.findings import Finding, failed, ok, warning
from teleward_gateway.settings.model import Settings

_ANSWER_S = 5.0
_CHECK = "gateway"


def ask(settings: Settings, path: str) -> Any:
    """Return the answer of the running gateway, None when none runs; raises ValueError.

    ValueError: something else answers at its address.
    """
    host = f"[{settings.api.host}]" if ":" in settings.api.host else settings.api.host
    url = f"http://{host}:{settings.api.port}/api/v1{path}"
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ValueError(f"HTTP {error.code} at {url}") from None
    except (OSError, urllib.error.URLError):
        return None


def check_running(
    report: Any, mistakes: Any, known: frozenset[tuple[int, str]] = frozenset()
) -> Iterator[Finding]:
    """Report every part of the running gateway that is not ok, and the settings it refused.

    ``known``: line and key of mistakes that are reported already.
    """
    if report is None:
        yield ok(_CHECK, "none runs now: what it would find is checked")
        return
    parts = report.get("parts", {})
    bad = {name: part for name, part in parts.items() if not part.get("ok", True)}
    for mistake in mistakes or ():
        text = f"line {mistake['line']}: {mistake['key']}: {mistake['problem']}"
        if (mistake["line"], mistake["key"]) not in known:
            yield failed("settings in use", text, "correct the settings file")
    for name, part in bad.items():
        if name != "settings":
            yield failed(f"gateway: {name}", str(part.get("error") or "not ok"), "see its log")
    devices = parts.get("sessions", {}).get("devices_in_trouble") or {}
    for name, reason in devices.items():
        yield warning(f"device {name}", str(reason), "see the page of devices")
    if not bad and not devices:
        yield ok(_CHECK, "runs, every part is well")
