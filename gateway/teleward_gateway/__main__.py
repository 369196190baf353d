"""The command line: ``teleward COMMAND``, a module of `teleward_gateway.commands` each.

Modules are imported only when their command is used, so that ``teleward --help`` stays quick on a
Raspberry Pi. A command module has ``add_arguments(parser)`` and ``run(arguments) -> int``.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "run": "run the gateway with a settings file",
    "demo": "run a simulated ward with gateway and dashboard",
    "config": "check a settings file, print its JSON Schema",
    "drivers": "list the device drivers",
    "scan": "show the devices in reach",
    "devices": "bind devices to subjects: add, list, move, remove",
    "accounts": "who may log in: add, list, remove, password, sessions",
    "access": "routes by role, links of screens and scrapers, the access log, the certificate",
    "simulate": "simulate devices for any software",
    "capture": "record what a device really sends",
    "replay": "play a capture into its driver",
    "share": "copy a capture without what identifies a person",
    "cases": "list, check and run teaching cases",
    "room": "control a running case as an instructor",
    "export": "records of a subject as CSV, Parquet, EDF+, WFDB and more",
    "import": "a recording (WFDB, EDF, CSV) as the history of a new subject",
    "collect": "carry records from MQTT to InfluxDB",
    "stack": "write a compose file for mosquitto, InfluxDB and Grafana",
    "doctor": "check this machine, with remedies",
    "status": "show a running gateway",
    "support": "write a report for a technician, without names and addresses",
    "update": "install a newer version; back by itself if it does not do",
    "sinks": "list sinks, show deliveries, send again what a server refused",
    "warm": "compile the signal kernels ahead of the first start",
    "bench": "measure, and compare with peers and limits",
}


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of only the command that ``argv`` names."""
    parser = argparse.ArgumentParser(
        prog="teleward",
        description="Edge gateway for teaching telemedicine. A teaching and monitoring aid, "
        "not a certified medical device.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((word for word in argv if word in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == wanted:
            module = importlib.import_module(f"teleward_gateway.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        arguments = build_parser(words).parse_args(words)
        return int(arguments.run(arguments))
    except ModuleNotFoundError as error:
        if (error.name or "teleward").startswith("teleward"):
            raise
        remedy = 'pip install ".[sim]" in the folder of its sources'
        print(f"teleward: this needs {error.name}: {remedy}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
