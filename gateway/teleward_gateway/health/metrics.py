"""Prometheus metrics, made from the health probes; no second set of counters.

part "sink:mqtt", {"ok": true, "backlog_records": 4, "sent_total": 9}
    teleward_ok{part="sink:mqtt"} 1
    teleward_sink_backlog_records{sink="mqtt"} 4
    teleward_sink_sent_total{sink="mqtt"} 9
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from teleward_gateway.health import HealthRegistry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(health: HealthRegistry) -> bytes:
    """Return the exposition text of all parts and of the process (CPU, memory, files)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Parts(health))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Parts(Collector):
    def __init__(self, health: HealthRegistry) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        parts = self._health.parts()
        yield _well(parts)
        families: dict[str, Metric] = {}
        for part, answer in parts.items():
            group, _, label = part.partition(":")
            for key, value in _numbers("", answer):
                name = _name(f"teleward_{group}_{key}")
                labels = [_name(group)] if label else []
                family = families.setdefault(name, _family(name, labels))
                family.add_metric([label] if label else [], value)  # type: ignore[attr-defined]
        yield from families.values()


def _well(parts: dict[str, dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily("teleward_ok", "1 while the part does its work.", labels=["part"])
    for part, answer in parts.items():
        family.add_metric([part], float(answer["ok"]))
    return family


def _family(name: str, labels: list[str]) -> Metric:
    if name.endswith("_total"):
        return CounterMetricFamily(name, name, labels=labels)
    return GaugeMetricFamily(name, name, labels=labels)


def _numbers(prefix: str, answer: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the numbers of an answer; nested tables join their keys."""
    for key, value in answer.items():
        if key == "ok":
            continue
        if isinstance(value, dict):
            yield from _numbers(f"{prefix}{key}_", value)
        elif isinstance(value, int | float):
            yield prefix + key, float(value)


def _name(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)
