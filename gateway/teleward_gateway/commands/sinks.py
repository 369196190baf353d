"""``teleward sinks list``: where records can go."""

import argparse
import json

from teleward_cloud.catalogue import catalogue

BUILT_IN = {
    "mqtt": ("MQTT broker", "mqtt"),
    "influx": ("InfluxDB 2 or VictoriaMetrics", "influx"),
    "alarms": ("alarms to a command or a signed webhook", "alarms"),
}
"""Title and section of the settings file of the sinks that come with Teleward."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the one action."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="print every sink and its section of the settings")
    listing.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    rows = [
        {"name": name, "title": title, "section": section, "package": "teleward"}
        for name, (title, section) in BUILT_IN.items()
    ]
    rows += [
        {
            "name": info.name,
            "title": info.title,
            "section": f"sinks.{info.name}",
            "package": info.make.__module__,
        }
        for info in catalogue().values()
    ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        print(f"{row['name']:<16} [{row['section']}]  {row['title']}  ({row['package']})")
    return 0
