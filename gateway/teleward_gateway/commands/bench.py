"""``teleward bench NAME``: run one benchmark and print its table, or one JSON object."""

import argparse
import importlib
import json
import sys

from teleward_signal.errors import Unavailable

BENCHMARKS = {
    "ward": "a whole ward through one gateway",
    "soak": "a ward for an hour: memory and file descriptors",
    "signal": "the signal engine against C, SciPy and whole-recording libraries",
    "accuracy": "detectors against annotated recordings",
    "field": "inputs that field reports describe, and what they give now",
    "journal": "the journal against plain SQLite",
    "delivery": "MQTT and InfluxDB against bare clients",
    "exports": "exports of one patient: speed, memory and size of every format",
    "fleet": "many gateways, collectors that die, and what is lost",
    "drivers": "decoders, links and many devices at once",
    "physiology": "the patient model",
    "dashboard": "the pages in a real browser",
    "class": "one class hour: what seats cost, and how soon a teacher sees an act",
}

BENCH = "teleward_gateway.bench"
"""The package of the wheel teleward-bench: a gateway is installed without it."""

MODULES = {
    "signal": "signal_speed",
    "accuracy": "accuracy.command",
    "class": "class_hour",
    "field": "field.command",
}
"""Modules that are not named like their benchmark: nothing may be named ``signal``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark names; each module adds its own options."""
    names = parser.add_subparsers(dest="benchmark", required=True, metavar="NAME")
    for name, summary in BENCHMARKS.items():
        child = names.add_parser(name, help=summary, description=summary)
        child.add_argument("--json", action="store_true", help="print one JSON object")
        try:
            module = importlib.import_module(f"{BENCH}.{MODULES.get(name, name)}")
        except ModuleNotFoundError as error:
            name_missing = error.name or "teleward"
            if name_missing.startswith("teleward") and name_missing != BENCH:
                raise
            child.set_defaults(missing=name_missing)
            continue
        module.add_arguments(child)
        child.set_defaults(module=module)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    if getattr(arguments, "missing", None):
        print(
            f"bench {arguments.benchmark}: needs {arguments.missing}; install the wheel "
            "teleward-bench of this version (in the sources: pip install ./packaging/bench)"
        )
        return 2
    try:
        result = arguments.module.measure(arguments)
    except Unavailable as error:
        print(f"bench {arguments.benchmark}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result) if arguments.json else arguments.module.table(result))
    return 0
