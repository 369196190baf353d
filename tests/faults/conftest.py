"""Fault tests: short in ``make test``; in full, with the table, in ``make test-faults``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import faultkit

COLUMNS = [
    "fault",
    "committed",
    "acknowledged",
    "stored",
    "lost",
    "reported",
    "doubled",
    "recover_s",
    "human",
]


@pytest.fixture
def server() -> Iterator[faultkit.Server]:
    """Return a running store."""
    made = faultkit.Server()
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, a row a fault."""
    if not faultkit.BILLS:
        return
    terminalreporter.section("faults")
    rows = [[_text(getattr(bill, name)) for name in COLUMNS] for bill in faultkit.BILLS]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row, note in zip([COLUMNS, *rows], ["", *(b.note for b in faultkit.BILLS)], strict=True):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        terminalreporter.write_line("  ".join([*cells, note]).rstrip())


def _text(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
