"""The system clock is wrong at boot, and jumps by a day while the gateway runs (libfaketime)."""

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faultkit import BILLS, Bill

FAKETIME = next(
    (p for p in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), Path("/nonexistent")
)
DAY_S = 86_400

pytestmark = pytest.mark.skipif(not FAKETIME.exists(), reason="needs the package faketime")


def run(tmp_path: Path, script: str, *offsets_s: int) -> dict[str, object]:
    """Run ``clockworker.py`` under a fake clock that follows ``offsets_s``, one step on request."""
    clock = tmp_path / "clock"

    def set_clock(offset_s: int) -> None:
        new = clock.with_suffix(".new")
        new.write_text(f"{offset_s:+d}")
        new.rename(clock)

    set_clock(offsets_s[0])
    environment = {
        **os.environ,
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    worker = Path(__file__).with_name("clockworker.py")
    process = subprocess.Popen(
        [sys.executable, str(worker), str(tmp_path / "journal"), str(len(offsets_s)), script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for offset_s in offsets_s[1:]:
            assert process.stdout.readline() == "next\n"
            set_clock(offset_s)
            process.stdin.write("go\n")
            process.stdin.flush()
        found: dict[str, object] = json.loads(process.stdout.readline())
    return found


@pytest.mark.true_time  # it turns the clock itself
@pytest.mark.parametrize(
    ("name", "offsets_s"),
    [
        ("wrong clock at boot, corrected", (-20 * 365 * DAY_S, 0)),
        ("clock jumps a day ahead and back", (0, DAY_S, 0)),
        ("clock jumps a day back and ahead", (0, -DAY_S, 0)),
    ],
)
def test_clock_jumps(tmp_path: Path, name: str, offsets_s: tuple[int, ...]) -> None:
    began_ns = time.time_ns()
    found = run(tmp_path, "steps", *offsets_s)
    ended_ns = time.time_ns()
    times, values = found["times"], found["values"]
    assert isinstance(times, list)
    assert isinstance(values, list)
    sent, rows = found["sent"], found["rows"]
    assert isinstance(sent, int)
    assert isinstance(rows, int)
    BILLS.append(
        Bill(
            name, committed=sent, acknowledged=rows, stored=rows, lost=sent - len(set(values)),
            doubled=len(values) - len(set(values)) + int(str(found["points_doubled"])),
        )
    )  # fmt: skip
    assert values == list(range(sent)), "history by corrected time is the order of events"
    assert times == sorted(times)
    assert began_ns - 10**9 <= times[0]
    assert times[-1] <= ended_ns + 10**9
    assert found["corrections"] == len(offsets_s) - 1
    assert found["points_doubled"] == 0
    assert rows == sent
    steps_ns = [b - a for a, b in itertools.pairwise(times)]
    assert max(steps_ns) < 3600 * 10**9, "no hole where the clock jumped"
