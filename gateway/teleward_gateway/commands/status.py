"""``teleward status``: a running gateway at a glance, refreshed every second."""

import argparse
import json
import os
import sys
import time
import urllib.request
from typing import Any

from teleward_signal.errors import Invalid

_CLEAR = "\x1b[H\x1b[2J"
_BOLD, _RED, _GREEN, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_YELLOW = "\x1b[33m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--address", default="http://127.0.0.1:8080", help="where the gateway's API is"
    )
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between refreshes")
    parser.add_argument("--once", action="store_true", help="print once and end")


def run(arguments: argparse.Namespace) -> int:
    """Show until Ctrl-C; 1 when the gateway does not answer or is not ok."""
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    while True:
        try:
            report = fetch(arguments.address)
        except (OSError, ValueError) as error:
            text, healthy = _absent(arguments.address, error), False
        else:
            text, healthy = render(report, colour=colour), report.get("status") == "ok"
        if arguments.once:
            print(text)
            return 0 if healthy else 1
        print(_CLEAR + text if sys.stdout.isatty() else text, flush=True)
        time.sleep(max(0.1, arguments.interval))


def fetch(address: str) -> dict[str, Any]:
    """Return the health report; raises ``OSError`` or ``ValueError``."""
    url = f"{address.rstrip('/')}/api/v1/health"
    with urllib.request.urlopen(url, timeout=5) as answer:
        report = json.load(answer)
    if not isinstance(report, dict) or "parts" not in report:
        raise Invalid(f"{url} is no Teleward gateway")
    return report


def render(report: dict[str, Any], *, colour: bool) -> str:
    """Return the view: the whole, its problems, the sinks as a table, then the other parts."""
    parts: dict[str, dict[str, Any]] = report["parts"]
    lines = [_headline(report, colour)]
    for name, part in parts.items():
        if not part.get("ok", True):
            lines.append(_paint(f"  {name}: {part.get('error') or 'not ok'}", _RED, colour))
    for name, trouble in (parts.get("sessions", {}).get("devices_in_trouble") or {}).items():
        lines.append(_paint(f"  {name}: {trouble}", _YELLOW, colour))
    sinks = {name: part for name, part in parts.items() if name.startswith("sink:")}
    if sinks:
        lines += ["", _paint(_row("sink", "backlog", "size", "oldest", "delivered"), _BOLD, colour)]
        lines += [_sink(name, part) for name, part in sinks.items()]
        lines += [f"  {part['notice']}" for part in sinks.values() if part.get("notice")]
    lines.append("")
    lines += [_part(name, part) for name, part in parts.items() if name not in sinks]
    return "\n".join(lines)


def _headline(report: dict[str, Any], colour: bool) -> str:
    status = str(report["status"])
    uptime = _duration(float(report.get("uptime_s", 0)))
    painted = _paint(status, _GREEN if status == "ok" else _RED, colour)
    return f"{_paint('Teleward', _BOLD, colour)}  {painted}  up {uptime}"


def _sink(name: str, part: dict[str, Any]) -> str:
    return _row(
        name.removeprefix("sink:"),
        str(part.get("backlog_records", "")),
        _size(part.get("backlog_bytes", 0)),
        _duration(float(part.get("backlog_age_s", 0))),
        str(part.get("acknowledged_total", "")),
    )


def _part(name: str, part: dict[str, Any]) -> str:
    shown = [
        f"{key.removesuffix('_total')} {_number(key, value)}"
        for key, value in part.items()
        if key not in ("ok", "error") and isinstance(value, int | float | str) and value != ""
    ]
    return f"{name:20} {'  '.join(shown)}"


def _row(*cells: str) -> str:
    return f"{cells[0]:20}" + "".join(f"{cell:>12}" for cell in cells[1:])


def _number(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("bytes") or key.endswith("bytes_total"):
        return _size(value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_PLAIN}" if colour else text


def _absent(address: str, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return f"no gateway answers at {address} ({reason}); start one with: teleward run"
