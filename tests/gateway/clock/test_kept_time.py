"""The time base over a restart: a clock that was set meanwhile is noticed and corrected."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from teleward_gateway.clock import Correction, Corrections, GatewayClock
from teleward_gateway.clock.kept_time import KeptTime
from teleward_gateway.clock.kernel import Reading
from teleward_gateway.parts import Parts
from teleward_gateway.testing.running_gateway import running
from teleward_signal.model import Measurement, Source

S = 1_000_000_000
BOOT = "00000000000000b1"
FIRST = Reading(100 * S, 10 * S, 10 * S, False, 2_000_000, False)


def later(seconds: float, step_s: float = 0.0, synchronised: bool = False) -> Reading:
    elapsed_ns = round(seconds * S)
    return replace(
        FIRST,
        system_ns=FIRST.system_ns + elapsed_ns + round(step_s * S),
        monotonic_ns=FIRST.monotonic_ns + elapsed_ns,
        boottime_ns=FIRST.boottime_ns + elapsed_ns,
        synchronised=synchronised,
    )


def kept(path: Path, *readings: Reading) -> KeptTime:
    """Return the file of a process that saw these readings."""
    clock = GatewayClock(iter(readings).__next__, BOOT)
    for _ in readings[1:]:
        clock.poll()
    kept_time = KeptTime(path)
    kept_time.save(clock)
    return kept_time


@pytest.mark.parametrize("step_s", [3600, -3600, 86_400, -86_400, 0.3])
def test_a_step_between_two_processes_is_corrected_from_the_first_stamp_on(
    tmp_path: Path, step_s: float
) -> None:
    file = kept(tmp_path / "clock.json", FIRST, later(5))
    clock = GatewayClock(iter([later(20, step_s), later(21, step_s)]).__next__, BOOT)
    assert file.resume(clock, Corrections())
    assert clock.at(30 * S).time_ns == 120 * S
    assert clock.poll() == Correction(BOOT, 0, 31 * S, round(step_s * S), 86_400 * S)
    assert clock.at(31 * S).time_ns == 121 * S + round(step_s * S)


def test_a_confirmed_time_is_believed_over_a_restart(tmp_path: Path) -> None:
    file = kept(tmp_path / "clock.json", FIRST, later(5, synchronised=True))
    clock = GatewayClock(iter([later(20, 3600), later(21, 3600)]).__next__, BOOT)
    assert file.resume(clock, Corrections())
    assert clock.confirmed
    assert clock.poll() is None
    assert clock.at(31 * S).time_ns == 121 * S


def test_a_correction_that_was_recorded_before_the_crash_is_made_once(tmp_path: Path) -> None:
    file = kept(tmp_path / "clock.json", FIRST, later(5))
    done = Corrections([Correction(BOOT, 0, 16 * S, 3600 * S)])
    clock = GatewayClock(iter([later(20, 3600), later(21, 3600)]).__next__, BOOT)
    assert file.resume(clock, done)
    assert clock.poll() is None
    assert clock.at(31 * S).time_ns == 121 * S + 3600 * S


@pytest.mark.parametrize("content", ["", "[]", '["b1", 1]', "{}", '["' + BOOT + '", 1, 2, 3, 4, 5]',
                                     '["another", 1, 2, 1, 4, 5, 6]',
                                     '["' + BOOT + '", "1", 2, 1, 4, 5, 6]'])  # fmt: skip
def test_what_is_damaged_or_of_another_boot_is_left_out(tmp_path: Path, content: str) -> None:
    path = tmp_path / "clock.json"
    path.write_text(content)
    clock = GatewayClock(iter([later(20), later(21)]).__next__, BOOT)
    assert not KeptTime(path).resume(clock, Corrections())
    assert clock.at(30 * S).time_ns == 120 * S
    assert not KeptTime(None).resume(clock, Corrections())


@pytest.mark.true_time  # it turns the clock itself
@pytest.mark.parametrize("step_s", [-86_400, 86_400])
async def test_a_charted_value_holds_when_the_clock_was_set_during_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    true_ns, ahead_ns = time.time_ns, 0
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + ahead_ns)
    settings = f"""
        gateway = {{name = "test", mode = "simulated", data_folder = "{tmp_path}"}}
        radio = {{adapter = "off"}}
        embedded_broker = {{enabled = false}}
        api = {{port = 0}}
        subjects = [{{id = "anna"}}]
    """

    async def charted(gateway: Parts) -> list[int]:
        span = true_ns() - 3 * 86_400 * S, true_ns() + 3 * 86_400 * S
        found = await gateway.journal.history("anna", "consciousness", *span)
        return [record.time_ns for record in found]

    async with running(settings) as gateway:
        awake = Measurement("consciousness", 0.0, source=Source.MANUAL, valid_s=3600.0)
        await gateway.view.observe("anna", [replace(awake, author="nurse")])
        [typed_ns] = await charted(gateway)
    ahead_ns = step_s * S
    async with running(settings) as gateway:
        while "consciousness" not in gateway.ingest.scores.inputs("anna"):
            await asyncio.sleep(0.05)
        while await charted(gateway) == [typed_ns]:
            await asyncio.sleep(0.05)
        assert await charted(gateway) == [pytest.approx(typed_ns + step_s * S, abs=2 * S)]
