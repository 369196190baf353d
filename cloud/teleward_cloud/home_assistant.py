"""Home Assistant discovery: one sensor a subject and metric, after its MQTT discovery format.

    {prefix}/sensor/{gateway}_{subject}/{metric}/config      retained

The sensor reads the newest record of its metric from the live numerics; it becomes unavailable
with the gateway's status and unknown after the metric's age limit. Home Assistant is a home
display, not a patient monitor.
"""

import json
import re
from collections.abc import Iterator

from teleward_cloud.topics import Topics
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS

_DISPLAY_UNITS = {"/min": "bpm", "Cel": "°C", "mm[Hg]": "mmHg", "{score}": None, "{scale}": None}
"""UCUM units that Home Assistant writes in another way."""
_EXPIRE_S = 30
"""Home Assistant shows "unavailable" after this without a new value; numerics come each second."""


def discovery(prefix: str, topics: Topics, record: Record) -> Iterator[tuple[str, bytes]]:
    """Yield topic and retained message that announce the metric of ``record``."""
    if record.subject is None or record.metric not in METRICS:
        return
    metric = METRICS[record.metric]
    node = _identifier(f"{topics.gateway}_{record.subject}")
    simulated = record.provenance is Provenance.SIMULATED
    selection = (
        f"value_json.records | selectattr('metric', 'eq', '{metric.name}') | "
        "map(attribute='value') | list"
    )
    message = {
        "name": metric.label,
        "unique_id": f"{node}_{metric.name}_{'simulated' if simulated else 'field'}",
        "state_topic": topics.records(
            RecordKind.MEASUREMENT, record.subject, record.metric, live=True
        ),
        "value_template": "{% set found = " + selection + " %}"
        "{{ found[-1] if found and found[-1] is not none else this.state }}",
        "unit_of_measurement": _DISPLAY_UNITS.get(metric.unit, metric.unit),
        "state_class": "measurement",
        "suggested_display_precision": metric.decimals,
        "expire_after": _EXPIRE_S,
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


def _identifier(name: str) -> str:
    """Home Assistant allows letters, digits, _ and - in discovery topics."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
