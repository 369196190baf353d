"""Prometheus metrics of a collector, served on this machine at /metrics."""

import sys
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector as MetricCollector

from teleward_cloud.collector import Collector, MqttSource


def serve_metrics(collector: Collector, source: MqttSource, port: int) -> Callable[[], None]:
    """Serve the counters at ``port`` of loopback, 0: not at all; return how to stop.

    A port that is taken, by another collector for instance, is reported and harms nothing.
    """
    if port == 0:
        return lambda: None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(CollectorMetrics(collector, source))
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        print(f"no metrics: port {port}: {error.strerror}; see --metrics-port", file=sys.stderr)
        return lambda: None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


class CollectorMetrics(MetricCollector):
    """The counters of a collector and of its source."""

    def __init__(self, collector: Collector, source: MqttSource) -> None:
        self._collector, self._source = collector, source

    def collect(self) -> Iterable[Metric]:
        """Yield every counter and gauge."""
        counters, source = self._collector.counters, self._source
        messages, n_bytes = source.waiting
        for name, value, text in (
            ("messages", counters.messages, "Messages taken."),
            ("records", counters.records, "Records taken."),
            ("stored", counters.stored, "Records that the database stored."),
            ("refused", counters.refused, "Records that the database will never take."),
            ("unreadable", source.unreadable, "Messages that are not of Teleward."),
            ("dropped", source.dropped, "Messages dropped; always 0."),
            ("failures", counters.failures, "Writes that failed and were repeated."),
            ("pauses", source.pauses, "Times that the broker was held back."),
            ("connects", source.connects, "Connections to the broker."),
        ):
            yield CounterMetricFamily(f"teleward_collector_{name}", text, value=value)
        for name, gauge, text in (
            ("connected", source.connected.is_set(), "1 while connected to the broker."),
            ("paused", source.paused, "1 while the broker is held back."),
            ("waiting_messages", messages, "Messages that wait for the database."),
            ("waiting_bytes", n_bytes, "Bytes of messages that wait for the database."),
            ("blocked_records", counters.blocked, "Records refused for a cause at the database."),
        ):
            yield GaugeMetricFamily(f"teleward_collector_{name}", text, value=float(gauge))
