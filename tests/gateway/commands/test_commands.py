"""Every command and benchmark that help lists is there and keeps the form of the others."""

import argparse
import importlib
from pathlib import Path

import pytest

import teleward_gateway.bench
import teleward_gateway.commands
from teleward_gateway.__main__ import COMMANDS, build_parser
from teleward_gateway.commands.bench import BENCHMARKS, MODULES


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_of_the_table_has_a_module(name: str) -> None:
    module = importlib.import_module(f"teleward_gateway.commands.{name}")
    assert callable(module.run)
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert parser.format_help()


def test_a_module_of_a_command_is_in_the_table() -> None:
    (folder,) = map(Path, teleward_gateway.commands.__path__)
    named = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    with_run = {
        name
        for name in named
        if hasattr(importlib.import_module(f"teleward_gateway.commands.{name}"), "run")
    }
    assert with_run == set(COMMANDS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_measures_and_prints_a_table(name: str) -> None:
    module = importlib.import_module(f"teleward_gateway.bench.{MODULES.get(name, name)}")
    assert callable(module.measure)
    assert callable(module.table)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_print_json(name: str) -> None:
    needed = ["--data", "records"] if name == "accuracy" else []
    arguments = build_parser(["bench"]).parse_args(["bench", name, "--json", *needed])
    assert arguments.json
    assert not hasattr(arguments, "missing")
