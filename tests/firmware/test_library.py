"""The portable C library on this machine: unit tests, static analysis, coverage, sizes, fuzzing."""

import itertools
import re
import subprocess
from pathlib import Path

import pytest
from chipkit import BUILD, Chip, Host, ends, run_make

pytestmark = pytest.mark.timeout(300)


def test_unit_tests_pass_under_sanitizers() -> None:
    printed = run_make("-j2", "unit")
    assert printed.count("ok ") >= 50
    assert "ok it_advertises_what_the_gateway_looks_for" in printed  # the radio boards' part


def test_cppcheck_is_clean() -> None:
    assert "clean" in run_make("cppcheck")


def test_branch_coverage_is_at_least_95_percent() -> None:
    found = re.search(r"branches in all: ([\d.]+) %", run_make("coverage"))
    assert found is not None
    assert float(found[1]) >= 95


def test_programs_fit_the_small_chip(build: Path) -> None:
    """`sizes` fails by itself when the ECG patch outgrows 8 KB of flash or 1 KB of RAM."""
    printed = run_make("sizes")
    assert re.search(r"^ecg_patch +ATmega328P +\d+ +\d+ +\d+ +\d+$", printed, re.MULTILINE)
    assert len(printed.splitlines()) == 7


def test_fuzzers_find_nothing_in_a_short_run(tmp_path: Path) -> None:
    run_make("-j2", "fuzzers")
    for target in ("device", "receiver"):
        options = ["-runs=5000", "-max_len=512", "-seed=1", f"-artifact_prefix={tmp_path}/"]
        done = subprocess.run(
            [BUILD / f"fuzz_{target}", *options], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("program", ["ecg_patch", "pulse_oximeter", "thermometer"])
async def test_program_on_this_machine_is_read_by_the_gateway(build: Path, program: str) -> None:
    async with Chip("host", program) as chip, Host(chip.port) as host:
        await host.until(lambda: len(host.blocks) > 4 or len(host.values) > 1)
    model = program.replace("_", "-")
    assert model in host.said("model")
    assert "built-in test signal, not a patient" in host.said("message")
    metrics = {block.metric for block in host.blocks} | {value.metric for value in host.values}
    assert (
        metrics
        == {
            "ecg_patch": {"ecg_ii"},
            "pulse_oximeter": {"ppg_red", "ppg_infrared"},
            "thermometer": {"body_temperature"},
        }[program]
    )


async def test_real_sensor_build_reads_the_analog_input_and_the_electrodes(
    build: Path, sensor_build: Path
) -> None:
    async with Chip("avr", "ecg_patch", sensor_build) as chip, Host(chip.port) as host:
        await chip.order("analog 2000")
        await host.until(lambda: any(abs(b.samples[-1] - 620) <= 1 for b in host.blocks))
        millivolts = host.blocks[-1].physical()[-1]
        assert abs(millivolts - (2.0 - 1.65) / 1.1) < 0.005  # 1100 times around 1.65 V
        await chip.order("leads 1")
        await host.until(lambda: "lead_off" in host.faults)
        n_blocks = len(host.blocks)
        await host.for_s(0.5)
        assert len(host.blocks) <= n_blocks + 1
        await chip.order("leads 0")
        await host.until(lambda: "lead_off" not in host.faults)
        await host.until(lambda: len(host.blocks) > n_blocks + 1)
        gaps = [b.index - ends(a) for a, b in itertools.pairwise(host.blocks)]
        assert max(gaps) > 100
        assert "built-in test signal, not a patient" not in host.said("message")
