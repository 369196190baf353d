"""Sizes: no file is longer than a person reads in one sitting, no function than a page."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("cloud", "drivers", "gateway", "signal", "simulators", "docs", "tests")
FILE_LINES, FUNCTION_LINES = 420, 45
"""The rule is 400 and 40; a correction may go over by a few lines, a new idea may not."""
SCENARIO_LINES = 65
"""A test goes through one scenario from its begin to its end."""


def files(ending: str) -> list[Path]:
    """Return our own files of one kind."""
    return [
        path
        for part in PARTS
        for path in sorted((ROOT / part).rglob(f"*{ending}"))
        if not {"vendor", "node_modules", "build"} & set(path.relative_to(ROOT).parts)
    ]


def long_functions(source: str, most: int) -> list[str]:
    """Return name, line and length of the functions of ``source`` with more than ``most`` lines."""
    return [
        f"{node.name} (line {node.lineno}): {length} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > most
    ]


@pytest.mark.parametrize("ending", [".py", ".js"])
def test_no_file_is_too_long(ending: str) -> None:
    found = files(ending)
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in found}
    assert len(lengths) > 40
    assert {
        str(path.relative_to(ROOT)): length
        for path, length in lengths.items()
        if length > FILE_LINES
    } == {}, "split it by idea"


def test_no_function_is_too_long() -> None:
    found = {
        str(path.relative_to(ROOT)): long
        for path in files(".py")
        if (long := long_functions(path.read_text(encoding="utf-8"), most_of(path)))
    }
    assert found == {}, "give the parts names of their own"


def most_of(path: Path) -> int:
    """Return how many lines a function of a file may have."""
    return SCENARIO_LINES if path.is_relative_to(ROOT / "tests") else FUNCTION_LINES


def test_a_function_that_is_too_long_is_found() -> None:
    source = "class A:\n    def long(self):\n" + "        x = 1\n" * 40
    assert long_functions(source, 40) == ["long (line 2): 41 lines"]
    assert long_functions(source, 41) == []
