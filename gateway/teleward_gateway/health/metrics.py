"""Prometheus metrics, made from the health probes; no second set of counters.

part "sink:mqtt", {"ok": true, "backlog_records": 4, "sent_total": 9}
    teleward_ok{part="sink:mqtt"} 1
    teleward_sink_backlog_records{sink="mqtt"} 4
    teleward_sink_sent_total{sink="mqtt"} 9

Names follow the rules of Prometheus: base units (``last_commit_s`` is ``last_commit_seconds``,
``p95_ms`` is ``p95_seconds``), counters end in ``_total``, every family has a HELP line.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from teleward_gateway.health import HealthRegistry
from teleward_gateway.health.metric_texts import help_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class DeviceFigures:
    """What is counted of a device since the start; ``last_seen_s`` is Unix time."""

    name: str
    streaming: bool
    last_seen_s: float | None
    n_bytes: int
    n_values: int
    n_discarded: int
    n_connects: int
    n_losses: int


def render(health: HealthRegistry, devices: Iterable[DeviceFigures] = ()) -> bytes:
    """Return the exposition text of all parts, devices and the process (CPU, memory, files)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Parts(health))
    registry.register(_Devices(devices))
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
                name, factor = in_base_units(_name(f"teleward_{group}_{key}"))
                labels = [_name(group)] if label else []
                family = families.setdefault(name, _family(name, labels))
                family.add_metric([label] if label else [], value * factor)  # type: ignore[attr-defined]
        yield from families.values()


def _well(parts: dict[str, dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily("teleward_ok", "1 while the part does its work.", labels=["part"])
    for part, answer in parts.items():
        family.add_metric([part], float(answer["ok"]))
    return family


def _family(name: str, labels: list[str]) -> Metric:
    if name.endswith("_total"):
        return CounterMetricFamily(name, help_text(name), labels=labels)
    return GaugeMetricFamily(name, help_text(name), labels=labels)


class _Devices(Collector):
    def __init__(self, devices: Iterable[DeviceFigures]) -> None:
        self._devices = list(devices)

    def collect(self) -> Iterable[Metric]:
        """Yield what is counted of each device."""
        for name, read in _OF_A_DEVICE.items():
            family = _family(f"teleward_device_{name}", ["device"])
            for device in self._devices:
                value = read(device)
                if value is not None:
                    family.add_metric([device.name], float(value))  # type: ignore[attr-defined]
            yield family


_OF_A_DEVICE: dict[str, Callable[[DeviceFigures], float | None]] = {
    "streaming": lambda device: device.streaming,
    "last_seen_timestamp_seconds": lambda device: device.last_seen_s,
    "received_bytes_total": lambda device: device.n_bytes,
    "values_total": lambda device: device.n_values,
    "discarded_bytes_total": lambda device: device.n_discarded,
    "connects_total": lambda device: device.n_connects,
    "losses_total": lambda device: device.n_losses,
}


def in_base_units(name: str) -> tuple[str, float]:
    """Return the name of a metric in base units, and what its values are multiplied by."""
    factor = 0.001 if re.search(r"_ms(?=_|$)", name) else 1.0
    return re.sub(r"_m?s(?=_|$)", "_seconds", name).replace("_per_seconds", "_per_second"), factor


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
