"""Every part registers a probe; health, readiness and metrics are read from the same answers.

A probe returns plain JSON values. ``ok`` (true when absent) says whether the part does its work,
``error`` why not. Numbers become metrics: a part named ``sink:mqtt`` with ``backlog_records`` is
``teleward_sink_backlog_records{sink="mqtt"}``; names ending in ``_total`` are counters.

    ok         every part is ok
    degraded   a part is not, but none that the gateway cannot do without (a broker is away)
    failing    an essential part is not (the journal cannot write)
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Probe = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Part:
    probe: Probe
    essential: bool


class HealthRegistry:
    """The probes of one gateway."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._started_s = time.monotonic()

    def register(self, name: str, probe: Probe, *, essential: bool = False) -> None:
        """Add a part, or replace it; ``essential`` parts decide over readiness."""
        self._parts[name] = _Part(probe, essential)

    def parts(self) -> dict[str, dict[str, Any]]:
        """Ask every probe; one that raises is not ok, with the reason."""
        return {name: _ask(part.probe) for name, part in list(self._parts.items())}

    def report(self) -> dict[str, Any]:
        """Return status and uptime, and the health of every part."""
        parts = self.parts()
        broken = self._broken(parts)
        status = "ok" if all(part["ok"] for part in parts.values()) else "degraded"
        return {
            "status": "failing" if broken else status,
            "uptime_s": round(time.monotonic() - self._started_s, 3),
            "parts": parts,
        }

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Return whether the gateway can do its work, with the reasons of essential parts."""
        parts = self.parts()
        broken = self._broken(parts)
        return not broken, {name: str(parts[name].get("error", "not ok")) for name in broken}

    def _broken(self, parts: dict[str, dict[str, Any]]) -> list[str]:
        essential = {name for name, part in self._parts.items() if part.essential}
        return [name for name, part in parts.items() if name in essential and not part["ok"]]


def totals(statistics: "DataclassInstance") -> dict[str, Any]:
    """Return the counters of a dataclass as metrics: every name ends in ``_total``."""
    return {f"{name}_total": value for name, value in asdict(statistics).items()}


def merged(*probes: Probe) -> Probe:
    """Return one probe of several parts: all are asked, the first error counts."""

    def probe() -> dict[str, Any]:
        answers = [each() for each in probes]
        error = next((e for answer in answers if (e := answer.get("error"))), None)
        together: dict[str, Any] = {"ok": error is None, "error": error}
        for answer in answers:
            together |= {key: answer[key] for key in answer if key not in ("ok", "error")}
        return together

    return probe


def _ask(probe: Probe) -> dict[str, Any]:
    try:
        return {"ok": True, **probe()}
    except Exception as error:
        return {"ok": False, "error": f"probe failed: {type(error).__name__}: {error}"}
