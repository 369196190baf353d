"""Flux queries of the dashboards, as text."""

from teleward_signal.vocabulary import METRICS


def numerics(metrics: tuple[str, ...]) -> str:
    """Return the course of some metrics of the chosen subject, averaged to the panel's width."""
    wanted = " or ".join(f'r.metric == "{METRICS[name].name}"' for name in metrics)
    return (
        'from(bucket: "${bucket}")\n'
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n"
        '  |> filter(fn: (r) => r._measurement == "numeric" and r._field == "value")\n'
        f'  |> filter(fn: (r) => r.subject == "${{subject}}" and ({wanted}))\n'
        "  |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)\n"
        '  |> keep(columns: ["_time", "_value", "metric", "device"])'
    )


def latest(metric: str) -> str:
    """Return the newest value of a metric of every subject, none older than a minute."""
    return (
        'from(bucket: "${bucket}")\n'
        "  |> range(start: -1m)\n"
        '  |> filter(fn: (r) => r._measurement == "numeric" and r._field == "value")\n'
        f'  |> filter(fn: (r) => r.metric == "{METRICS[metric].name}")\n'
        '  |> group(columns: ["subject"])\n'
        '  |> last()\n  |> keep(columns: ["_value", "subject"])'
    )


def alarms(one_subject: bool) -> str:
    """Return changes of alarms, the newest first."""
    whose = '  |> filter(fn: (r) => r.subject == "${subject}")\n' if one_subject else ""
    return (
        'from(bucket: "${bucket}")\n'
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n"
        '  |> filter(fn: (r) => r._measurement == "alarm")\n'
        '  |> filter(fn: (r) => r._field == "presence" or r._field == "text")\n'
        f"{whose}"
        '  |> pivot(rowKey: ["_time", "subject", "condition", "priority"], columnKey: ["_field"], '
        'valueColumn: "_value")\n'
        '  |> keep(columns: ["_time", "subject", "condition", "priority", "presence", "text"])\n'
        '  |> group()\n  |> sort(columns: ["_time"], desc: true)\n  |> limit(n: 200)'
    )


def waveform(metric: str) -> str:
    """Return the samples of a waveform of the chosen subject."""
    return (
        'from(bucket: "${bucket}")\n'
        "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n"
        '  |> filter(fn: (r) => r._measurement == "waveform" and r._field == "value")\n'
        f'  |> filter(fn: (r) => r.subject == "${{subject}}" and r.metric == "{metric}")\n'
        '  |> keep(columns: ["_time", "_value"])'
    )


def subjects() -> str:
    """Return the subjects with data in the last day, for the menu of a dashboard."""
    return (
        'import "influxdata/influxdb/schema"\n'
        'schema.tagValues(bucket: "${bucket}", tag: "subject", start: -24h)'
    )
