"""The table of health probes: a name in ``/health`` and in the metrics, and the part behind it.

Sinks, remote commands and the embedded broker are added by `Sinks` once they exist.
"""

from functools import partial

from teleward_gateway.health import Probe, merged
from teleward_gateway.health.probes import disk_health
from teleward_gateway.parts import Parts

ESSENTIAL = frozenset({"journal"})
"""Without these the gateway is not ready."""


def probes(parts: Parts) -> dict[str, Probe]:
    """Return the probe of every part, by name."""
    return {
        "journal": parts.journal.health,
        "losses": parts.losses.health,
        "disk": partial(disk_health, parts.settings.gateway.data_folder),
        "loop": parts.loop_watch.health,
        "parts": parts.supervisor.health,
        "tick:ward": parts.heartbeat.health,
        "tick:live": parts.live.heartbeat.health,
        "tick:signals": parts.dsp.heartbeat.health,
        "sessions": parts.sessions.health,
        "settings": parts.reconciler.health,
        "registry": merged(parts.registry.health, parts.commissioning.pairing.health),
        "ingest": parts.ingest.health,
        "readings": parts.ingest.readings.health,
        "dsp": parts.dsp.health,
        "live": parts.live.health,
        "latency:commit": parts.ingest.commit_latency.health,
        "latency:websocket": parts.live.latency.health,
        "clock": parts.clock.health,
    }


def register_probes(parts: Parts) -> None:
    """Add every probe to the gateway's health."""
    for name, probe in probes(parts).items():
        parts.health.register(name, probe, essential=name in ESSENTIAL)
