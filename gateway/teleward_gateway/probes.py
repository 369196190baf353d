"""Health probes of a running gateway."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from teleward_cloud.sink import Sink
from teleward_gateway.delivery import Delivery
from teleward_gateway.health.probes import disk_health, journal_health, sink_health
from teleward_gateway.sessions.states import State

if TYPE_CHECKING:
    from teleward_gateway.app import Gateway
    from teleward_gateway.delivery.sinks import Sinks


def register_probes(gateway: "Gateway") -> None:
    """Register everything but the sinks, which `register_sinks` adds once they exist."""
    health = gateway.health
    folder = gateway.settings.gateway.data_folder
    health.register("journal", lambda: journal_health(gateway.journal.stats()), essential=True)
    health.register("disk", lambda: disk_health(folder))
    health.register("loop", gateway.loop_watch.health)
    health.register("parts", gateway.supervisor.health)
    health.register("sessions", lambda: sessions_health(gateway))
    health.register("registry", lambda: registry_health(gateway))
    health.register("ingest", lambda: _totals(asdict(gateway.ingest.statistics)))
    health.register("dsp", lambda: _totals(asdict(gateway.dsp.statistics)))
    health.register("live", lambda: live_health(gateway))
    health.register("latency:commit", lambda: dict(gateway.ingest.commit_latency.health()))
    health.register("latency:websocket", lambda: dict(gateway.live.latency.health()))
    health.register("clock", lambda: clock_health(gateway))


def register_sinks(gateway: "Gateway", sinks: "Sinks") -> None:
    """Register the sinks and the broker of our own."""
    for sink, delivery in sinks.parts():
        gateway.health.register(f"sink:{sink.name}", _sink_probe(gateway, sink, delivery))
    if sinks.remote is not None:
        gateway.health.register("remote_commands", sinks.remote.health)
    if sinks.broker is not None:
        gateway.health.register("broker", sinks.broker.health)


def sessions_health(gateway: "Gateway") -> dict[str, Any]:
    """Count devices by state; one that stays away is the ward's alarm, not a fault here."""
    statuses = gateway.sessions.statuses()
    states = Counter(status.state for status in statuses)
    refused = [s for s in statuses if s.state is State.REFUSED]
    reasons = [f"{s.device}: {s.reason}" for s in refused]
    if gateway.sessions.adapter.error is not None:
        reasons.insert(0, str(gateway.sessions.adapter.error))
    error = "; ".join(reasons) or None
    return {
        "ok": not reasons,
        "error": error,
        "devices": len(statuses),
        **{state.value: states.get(state, 0) for state in State},
        "bytes_total": sum(s.counters.n_bytes for s in statuses),
        "values_total": sum(s.counters.n_values for s in statuses),
        "connects_total": sum(s.counters.n_connects for s in statuses),
        "losses_total": sum(s.counters.n_losses for s in statuses),
        "stalls_total": sum(s.counters.n_stalls for s in statuses),
        "overflowed_total": sum(s.counters.n_overflowed for s in statuses),
        "discarded_bytes_total": sum(s.counters.discarded.total() for s in statuses),
    }


def registry_health(gateway: "Gateway") -> dict[str, Any]:
    """Health of the settings file: entries that could not be applied, files set aside."""
    damaged = gateway.registry.damaged
    error = gateway.reconciler.refused or (f"damaged, set aside: {damaged}" if damaged else None)
    return {
        "ok": error is None,
        "error": error,
        "subjects": len(gateway.registry.subjects()),
        "devices": len(gateway.registry.devices()),
        "pairings_refused_total": gateway.commissioning.pairing.n_refused,
    }


def live_health(gateway: "Gateway") -> dict[str, Any]:
    """Health of the live view."""
    statistics = gateway.live.statistics
    return {
        "pages": statistics.pages,
        "late_ticks_total": statistics.late_ticks,
        "messages_total": statistics.messages,
        "dropped_messages_total": statistics.dropped_messages,
        "wave_bytes_total": statistics.wave_bytes,
        "unknown_subject_total": statistics.unknown_subject,
        "refused_blocks_total": statistics.refused_blocks,
    }


def clock_health(gateway: "Gateway") -> dict[str, Any]:
    """Health of the clock: how sure the gateway is of its time."""
    stamp = gateway.clock.now()
    return {"confirmed": gateway.clock.confirmed, "uncertainty_s": stamp.uncertainty_ns / 1e9}


def _sink_probe(gateway: "Gateway", sink: Sink, delivery: Delivery) -> Any:
    def probe() -> dict[str, Any]:
        journal = gateway.journal.stats()
        mine = next((s for s in journal.sinks if s.name == sink.name), None)
        if mine is None:  # not open yet, or a long backlog is being counted
            error = delivery.status.error
            return {"ok": error is None, "error": error, "counting": True}
        found = sink_health(journal, mine, delivery.status, sink.counters())
        problem = _connection_problem(sink)
        if found["ok"] and problem:  # with nothing to send the delivery has not noticed
            found |= {"ok": False, "error": problem}
        return found

    return probe


def _connection_problem(sink: Sink) -> str | None:
    """Return why a sink that connects on its own is not connected."""
    if getattr(sink, "connected", True):
        return None
    return getattr(sink, "last_error", None)


def _totals(counters: dict[str, float]) -> dict[str, Any]:
    return {f"{name}_total": value for name, value in counters.items()}
