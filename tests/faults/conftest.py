"""Fault tests: short in ``make test``; in full, with the table, in ``make test-faults``."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import faultkit
import images

from teleward_gateway.testing.servers import Influx, Mosquitto

MEMORY = Path("/dev/shm")
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
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory for tests that model the disk: their syncs need not be real."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="teleward-faults-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server() -> Iterator[faultkit.Server]:
    """Return a running store."""
    made = faultkit.Server()
    yield made
    made.close()


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Influx]:
    """A database that is not started yet; it ends with the test."""
    yield from _not_started(Influx, tmp_path / "influx")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that is not started yet; it ends with the test."""
    yield from _not_started(Mosquitto, tmp_path / "mosquitto")


Kind = TypeVar("Kind", Influx, Mosquitto)
"""A server that fault tests start."""


def _not_started(kind: type[Kind], folder: Path) -> Iterator[Kind]:
    """Yield a server of ``kind``; where its program is missing the test fails with the package."""
    folder.mkdir()
    made = kind(folder)
    yield made
    made.stop()


def pytest_configure(config: pytest.Config) -> None:
    """Have the full run say how far it has come, with the time since it began."""

    def say(text: str) -> None:
        elapsed_s = int(time.monotonic() - faultkit.BEGAN_S)
        reporter = config.pluginmanager.getplugin("terminalreporter")
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"[{elapsed_s // 60:3d}:{elapsed_s % 60:02d}] {text}")

    if faultkit.FULL:
        faultkit.say = say
        # whoever ends a run of an hour, in whatever way, wants its mounts and processes gone
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)


def pytest_runtest_logstart(nodeid: str) -> None:
    """Name the fault that comes next."""
    faultkit.say(nodeid.rpartition("::")[2])


def pytest_sessionfinish() -> None:
    """Leave nothing behind, however the run ended: no process, no mount, no loop device."""
    for worker in list(faultkit.WORKERS):
        worker.kill()
    for image in list(images.MOUNTED):
        image.unmount(lazily=True)


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
