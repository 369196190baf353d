"""The load of the delivery benchmark: numerics of a ward, and bare clients to compare with."""

import gzip
import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from teleward_signal.model import Provenance
from teleward_signal.record import Draft, Record, RecordId, RecordKind

METRICS = ("heart_rate", "pulse_rate", "spo2", "respiratory_rate")
"""What a monitored subject has each second: one message to MQTT, four points to InfluxDB."""
START_NS = 1_772_352_000_000_000_000
"""2026-03-01T08:00:00Z; any round time would do."""
_SECOND_NS = 1_000_000_000


def records(n_seconds: int, n_subjects: int = 8) -> list[Record]:
    """Return every record of ``n_seconds``, in the order of a journal."""
    return [
        Record(
            RecordId("bench", "5eed5eed", second * n_subjects + subject, part),
            RecordKind.MEASUREMENT,
            Provenance.SIMULATED,
            START_NS + second * _SECOND_NS + 250_000_000,
            12_000_000,
            second * _SECOND_NS,
            "b007",
            f"bed-{subject + 1}",
            f"monitor-{subject + 1}",
            metric,
            _payload(second + part),
        )
        for second in range(n_seconds)
        for subject in range(n_subjects)
        for part, metric in enumerate(METRICS)
    ]


def drafts(n_seconds: int, end_ns: int, n_subjects: int = 8) -> Iterator[list[Draft]]:
    """Yield the drafts of each second of a backlog that ends at ``end_ns``."""
    for second in range(n_seconds):
        time_ns = end_ns - (n_seconds - second) * _SECOND_NS
        yield [
            Draft(
                RecordKind.MEASUREMENT,
                subject=f"bed-{subject + 1}",
                device=f"monitor-{subject + 1}",
                metric=metric,
                time_ns=time_ns,
                uncertainty_ns=12_000_000,
                payload=_payload(second + part),
            )
            for subject in range(n_subjects)
            for part, metric in enumerate(METRICS)
        ]


def _payload(step: int) -> dict[str, object]:
    return {"value": 60.0 + step % 40, "quality": 0.98, "source": "device", "valid_s": 5.0}


def bare_paho(port: int, topic: str, messages: Sequence[bytes], window: int) -> float:
    """Publish ready messages with paho's own thread; return seconds to the last PUBACK."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=MQTTv5)
    client.max_inflight_messages_set(window)
    connected, done = threading.Event(), threading.Event()
    left = len(messages)

    def on_publish(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    client.on_connect = lambda *_: connected.set()
    client.on_publish = on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    connected.wait(10)
    start_s = time.perf_counter()
    for message in messages:
        client.publish(topic, message, qos=1)
    done.wait(120)
    took_s = time.perf_counter() - start_s
    client.disconnect()
    client.loop_stop()
    return took_s


def raw_posts(url: str, bucket: str, bodies: Sequence[bytes], *, compress: bool) -> float:
    """Post ready bodies of line protocol over one connection; return the seconds it took."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if compress:
        headers["Content-Encoding"] = "gzip"
    path = f"/api/v2/write?org=teleward&bucket={bucket}&precision=ns"
    start_s = time.perf_counter()
    for body in bodies:
        content = gzip.compress(body, 1) if compress else body
        connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 204:
            raise RuntimeError(f"raw post: HTTP {answer.status}")
    took_s = time.perf_counter() - start_s
    connection.close()
    return took_s
