"""The unit of the service: hardened, and open only where the program needs it."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from teleward_gateway.process import watchdog

UNIT = Path(__file__).parents[2] / "packaging" / "teleward" / "debian" / "teleward.service"
LEAST_SECURE = 2.0


def service() -> configparser.SectionProxy:
    """Return the section [Service]; of a key that stands twice, the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_rates_the_unit_as_hardened() -> None:
    assert shutil.which("systemd-analyze"), "apt-get install systemd"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for teleward.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= LEAST_SECURE, done.stdout


def test_a_hang_is_ended_within_forty_seconds() -> None:
    unit = service()
    assert unit["Type"] == "notify"
    assert unit["Restart"] == "always"
    watchdog_s, wait_s = float(unit["WatchdogSec"]), float(unit["RestartSec"])
    assert watchdog.PING_S + watchdog_s + wait_s < 40, "the loop hangs"
    assert watchdog.HUNG_S + watchdog.PING_S + wait_s < 40, "the writer hangs"
    assert watchdog_s / 4 >= watchdog.PING_S


def test_memory_that_is_written_may_be_run_as_long_as_numba_compiles_in_the_process() -> None:
    """Fails once the engine loads without writable code: then turn the option on."""
    code = (
        "import ctypes, sys\n"
        "done = ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0)  # PR_SET_MDWE\n"
        "sys.exit(77) if done else None\n"
        "import teleward_signal.engine.engine\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("kernels before 6.3 cannot deny it to one process")
    assert done.returncode != 0
    assert "executable memory" in done.stderr
    assert "MemoryDenyWriteExecute" not in service()


@pytest.mark.parametrize("option", ["ProcSubset", "RemoveIPC", "ProtectClock", "PrivateDevices"])
def test_what_would_break_the_gateway_is_not_set(option: str) -> None:
    assert option not in service()
    assert option in UNIT.read_text(), "its reason stands in the unit"
