"""Grafana dashboards as JSON models: a ward, a bed, and the gateways themselves.

JSON model: Grafana documentation, "Dashboard JSON model" (schema version 38). Data source: InfluxDB
with Flux, uid ``teleward``. Both dashboards say that they are no patient monitor.
"""

from typing import Any

from teleward_cloud.stack import flux
from teleward_signal.vocabulary import METRICS, unit_text

SOURCE = {"type": "influxdb", "uid": "teleward"}
_NOTICE = (
    "**Teaching and monitoring aid, not a certified medical device.** Values may be late; "
    "buckets ending in *-sim* hold simulated patients."
)
_VITALS = ("heart_rate", "spo2", "respiratory_rate", "body_temperature", "nibp_systolic", "news2")
_COLUMNS = 24
"""Width of Grafana's grid."""


def dashboards() -> dict[str, dict[str, Any]]:
    """Return file name and model of every dashboard."""
    return {"ward.json": ward(), "bed.json": bed()}


def ward() -> dict[str, Any]:
    """Return the newest value of every vital sign of every subject, and all alarms."""
    width = _COLUMNS // len(_VITALS)
    panels = [_text(_NOTICE)]
    panels += [
        _panel(
            "stat",
            _with_unit(METRICS[name].label, name),
            flux.latest(name),
            (i * width, 2, width, 9),
            decimals=METRICS[name].decimals,
            options={"textMode": "value_and_name", "reduceOptions": {"calcs": ["lastNotNull"]}},
        )
        for i, name in enumerate(_VITALS)
    ]
    panels.append(_panel("table", "Alarms", flux.alarms(False), (0, 11, _COLUMNS, 10)))
    return _dashboard("teleward-ward", "Teleward: ward", panels, with_subject=False, span="now-1h")


def bed() -> dict[str, Any]:
    """Return the trends, waveforms around alarms, and alarms of one subject."""
    rows = (
        ("Heart and pulse", ("heart_rate", "pulse_rate")),
        ("Oxygen saturation", ("spo2",)),
        ("Respiration", ("respiratory_rate", "etco2")),
        ("Blood pressure", ("nibp_systolic", "nibp_mean", "nibp_diastolic")),
        ("Temperature", ("body_temperature",)),
        ("NEWS2", ("news2",)),
    )
    panels = [_text(_NOTICE)]
    for i, (title, metrics) in enumerate(rows):
        place = (12 * (i % 2), 2 + 8 * (i // 2), 12, 8)
        decimals = METRICS[metrics[0]].decimals
        title = _with_unit(title, metrics[0])
        panels.append(_panel("timeseries", title, flux.numerics(metrics), place, decimals=decimals))
    for i, metric in enumerate(("ecg_ii", "pleth")):
        title = f"{METRICS[metric].label} (where waveforms are stored)"
        place = (12 * i, 26, 12, 8)
        panels.append(_panel("timeseries", title, flux.waveform(metric), place, decimals=3))
    panels.append(_panel("table", "Alarms", flux.alarms(True), (0, 34, _COLUMNS, 8)))
    return _dashboard("teleward-bed", "Teleward: bed", panels, with_subject=True, span="now-15m")


def _panel(
    kind: str,
    title: str,
    query: str,
    place: tuple[int, int, int, int],
    *,
    decimals: int = 0,
    options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    x, y, width, height = place
    custom = {"spanNulls": False, "showPoints": "auto"} if kind == "timeseries" else {}
    return {
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "targets": [{"refId": "A", "datasource": SOURCE, "query": query}],
        "fieldConfig": {"defaults": {"decimals": decimals, "custom": custom}, "overrides": []},
        "options": options or {},
    }


def _with_unit(title: str, metric: str) -> str:
    unit = unit_text(METRICS[metric].unit)
    return f"{title} ({unit})" if unit else title


def _text(content: str) -> dict[str, Any]:
    return {
        "type": "text",
        "title": "",
        "gridPos": {"x": 0, "y": 0, "w": _COLUMNS, "h": 2},
        "options": {"mode": "markdown", "content": content},
    }


def _dashboard(
    uid: str, title: str, panels: list[dict[str, Any]], *, with_subject: bool, span: str
) -> dict[str, Any]:
    variables: list[dict[str, Any]] = [
        {
            "name": "bucket",
            "label": "Data",
            "type": "custom",
            "query": "field : teleward, simulated : teleward-sim",
            "current": {"text": "simulated", "value": "teleward-sim"},
            "options": [
                {"text": "field", "value": "teleward", "selected": False},
                {"text": "simulated", "value": "teleward-sim", "selected": True},
            ],
        }
    ]
    if with_subject:
        variables.append(
            {
                "name": "subject",
                "label": "Subject",
                "type": "query",
                "datasource": SOURCE,
                "query": flux.subjects(),
                "refresh": 2,
                "sort": 1,
            }
        )
    return {
        "uid": uid,
        "title": title,
        "tags": ["teleward"],
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "refresh": "5s",
        "time": {"from": span, "to": "now"},
        "templating": {"list": variables},
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, 1)],
    }
