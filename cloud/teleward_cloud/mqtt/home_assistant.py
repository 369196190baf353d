"""Home Assistant discovery: one sensor a subject and metric, after its MQTT discovery format.

    {prefix}/sensor/{gateway}_{subject}/{metric}/config      retained
    {root}/{gateway}/home/{subject}/{metric}                 96.0, or None when it is withheld

Each sensor has a topic of its own: Home Assistant counts every message of a topic as news of the
sensor, so that on a shared one a metric that no longer comes would never expire. A sensor is
unavailable with the gateway's status and when its last value is no longer valid, unknown while the
value is withheld. Home Assistant is a home display, not a patient monitor.
"""

import json
import re
from collections.abc import Iterable, Iterator
from math import isfinite

from teleward_cloud.mqtt.topics import Topics, plain
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS

_DISPLAY_UNITS = {"/min": "bpm", "Cel": "°C", "mm[Hg]": "mmHg", "{score}": None, "{scale}": None}
"""UCUM units that Home Assistant writes in another way."""
_MOST = 4096
"""Metrics remembered as announced, of far more subjects than a gateway serves."""
_EXPIRE_S = 30
"""Least time without a value until Home Assistant shows "unavailable"; most come each second."""


def discovery(prefix: str, topics: Topics, record: Record) -> Iterator[tuple[str, bytes]]:
    """Yield topic and retained message that announce the metric of ``record``."""
    if record.subject is None or record.metric not in METRICS:
        return
    metric = METRICS[record.metric]
    node = f"{_identifier(topics.gateway)}_{_identifier(record.subject)}"
    simulated = record.provenance is Provenance.SIMULATED
    message = {
        "name": metric.label,
        "unique_id": f"{node}_{metric.name}_{'simulated' if simulated else 'field'}",
        "state_topic": topics.home(record.subject, record.metric),
        "unit_of_measurement": _DISPLAY_UNITS.get(metric.unit, metric.unit),
        "state_class": "measurement",
        "suggested_display_precision": metric.decimals,
        "expire_after": max(_EXPIRE_S, round(float(record.payload.get("valid_s") or 0.0))),
        "availability_topic": topics.status,
        "availability_template": "{{ value_json.state }}",
        "device": {
            "identifiers": [node],
            "name": f"{record.subject}{' (simulated)' if simulated else ''}",
            "manufacturer": "Teleward",
            "model": "teaching aid, not a medical device",
        },
    }
    yield f"{prefix}/sensor/{node}/{metric.name}/config", json.dumps(message).encode()


def states(topics: Topics, records: Iterable[Record]) -> list[tuple[str, bytes]]:
    """Return topic and message of the newest value of each metric; records are in order."""
    newest = {
        (record.subject, record.metric): record.payload.get("value")
        for record in records
        if record.kind is RecordKind.MEASUREMENT and record.subject and record.metric in METRICS
    }
    return [
        (topics.home(subject or "", metric or ""), _text(value).encode())
        for (subject, metric), value in newest.items()
    ]


def _text(value: object) -> str:
    """Home Assistant reads the word None as unknown."""
    return repr(float(value)) if isinstance(value, int | float) and isfinite(value) else "None"


def _identifier(name: str) -> str:
    """Return a name in the letters that Home Assistant allows, different for different names.

    Discovery topics take letters, digits, _ and -; anything else, and _ itself, is escaped by _.
    """
    return re.sub(r"[^A-Za-z0-9-]", _escape, name)


def _escape(found: re.Match[str]) -> str:
    return "__" if found[0] == "_" else f"_{found[0].encode().hex()}"


def is_outdated(topics: Topics, subjects: frozenset[str], message: bytes) -> bool:
    """Return whether a retained announcement is of this gateway but of nobody it serves."""
    try:
        state_topic = json.loads(message)["state_topic"]
        base, _, rest = state_topic.partition("/home/")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return base == topics.base and plain(rest.split("/")[0]) not in subjects


class Announced:
    """The metrics announced to Home Assistant on this connection."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def clear(self) -> None:
        """Forget all: another connection may be another broker."""
        self._known.clear()

    def unknown(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the first measurement of each metric that was not announced yet."""
        for record in records:
            key = (record.subject or "", record.metric or "")
            if record.kind is not RecordKind.MEASUREMENT or key in self._known:
                continue
            if len(self._known) >= _MOST:
                self._known.clear()  # they are announced again, which changes nothing
            self._known.add(key)
            yield record

    def forget(self, subjects: frozenset[str]) -> None:
        """Forget everyone but ``subjects``, so that who returns is announced again."""
        self._known = {key for key in self._known if key[0] in subjects}
