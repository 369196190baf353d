"""The same firmware on an emulated ATmega328P and Cortex-M3, read by the gateway's own stack.

All runs share one event loop: a minute of both chips, and beside it one scenario after another.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from chipkit import Chip, Host, Wire, check_ecg, ends, on_both

MINUTE = 60 * 250
Scenario = Callable[[Chip], Awaitable[None]]

pytestmark = pytest.mark.timeout(400)


async def minute(chip: Chip) -> None:
    """60 s at 250 Hz: every frame, every sample, every time."""
    async with Host(chip.port) as host:
        await host.until(lambda: bool(host.blocks) and ends(host.blocks[-1]) >= MINUTE, 240)
    check_ecg(host.blocks)
    assert host.blocks[0].index == 0
    for before, after in itertools.pairwise(host.blocks):
        assert after.index == ends(before)
    times = {(block.device_time_ns or 0) - block.index * 4_000_000 for block in host.blocks}
    assert len(times) == 1
    counters = host.driver.decoder.counters
    assert (counters.lost, counters.gaps, counters.checksum_errors) == (0, 0, 0)
    assert np.concatenate([block.samples for block in host.blocks]).size >= MINUTE
    if chip.is_avr:
        assert await chip.stack_bytes() < 1024 - 805


async def reset(chip: Chip) -> None:
    """The reset button in the middle of a run."""
    async with Host(chip.port) as host:
        await host.until(lambda: len(host.blocks) > 5)
        n_blocks = len(host.blocks)
        await chip.reset()
        await host.until(lambda: any(block.index == 0 for block in host.blocks[n_blocks:]))
        await host.until(lambda: host.blocks[-1].index >= 100)
    check_ecg(host.blocks)
    assert host.said("message").count("reset button" if chip.is_avr else "started") >= 1


async def brown_out(chip: Chip) -> None:
    """The supply fails in the middle of a frame."""
    async with Wire(chip) as wire, Host(wire.port) as host:
        await host.until(lambda: len(host.blocks) > 5)
        if chip.is_avr:
            await chip.order("brownout 301")  # frames of samples are 67 bytes, and none is 43
        else:
            # QEMU's port has no speed: only a full one leaves a frame cut in two
            await host.command("set_rate", stream=0, fs=1000.0)
            await host.until(lambda: host.blocks[-1].fs == 1000)
            wire.stop()
            await host.for_s(4.5)
            await chip.reset()
            wire.flow()
        n_blocks, n_discarded = len(host.blocks), len(host.discarded)
        await host.until(lambda: any(block.index == 0 for block in host.blocks[n_blocks:]))
        await host.until(lambda: host.blocks[-1].index >= 100)
        assert host.blocks[-1].fs == 250
        assert sum(piece.n_bytes for piece in host.discarded[n_discarded:]) > 0
    check_ecg([block for block in host.blocks if block.fs == 250])
    check_ecg([block for block in host.blocks if block.fs == 1000], 1)
    assert "brown-out" in host.said("message") or not chip.is_avr


async def commands(chip: Chip) -> None:
    """Each command does what it says."""
    async with Host(chip.port) as host:
        await host.until(lambda: len(host.blocks) > 3)
        await host.command("set_rate", stream=0, fs=500.0)
        await host.until(lambda: host.blocks[-1].fs == 500)
        await host.until(lambda: len(host.blocks) > 20)
        await host.command("set_rate", stream=0, fs=360.0)
        await host.until(lambda: "set_rate" in host.said("refused"))
        n_hellos = len(host.said("model"))
        await host.command("identify")
        await host.until(lambda: len(host.said("model")) > n_hellos)
        await host.until(lambda: "clock_not_set" not in host.faults)
        await host.command("stop")
        await host.for_s(1)
        n_blocks = len(host.blocks)
        await host.for_s(1)
        assert len(host.blocks) == n_blocks
        await host.command("start")
        await host.until(lambda: len(host.blocks) > n_blocks + 3)
        assert host.blocks[n_blocks].index == 0
    check_ecg([block for block in host.blocks if block.fs == 250])
    check_ecg([block for block in host.blocks if block.fs == 500], 2)
    for before, after in zip(host.blocks[: n_blocks - 1], host.blocks[1:n_blocks], strict=True):
        assert after.index == ends(before)


async def wrong_baud(chip: Chip) -> None:
    """A host at 9600 baud hears and says garbage; the chip goes on, and is read again after it."""
    async with Wire(chip) as wire:
        async with Host(wire.port) as host:
            await host.until(lambda: len(host.blocks) > 3)
        async with Host(wire.port, 9600) as deaf:
            await deaf.for_s(2)
        assert deaf.blocks == []
        assert deaf.identity == []
        assert deaf.discarded
        async with Host(wire.port) as again:
            await again.until(lambda: len(again.blocks) > 3)
    assert again.blocks[0].index >= ends(host.blocks[-1]) + 250  # it was never reset or stopped
    check_ecg(host.blocks + again.blocks)


async def flow_stop(chip: Chip) -> None:
    """A host that stops reading loses samples, is told how many, and hears true ones after it."""
    async with Wire(chip) as wire, Host(wire.port) as host:
        await host.command("set_rate", stream=0, fs=1000.0)  # fills the buffers soon
        await host.until(lambda: len(host.blocks) > 20 and host.blocks[-1].fs == 1000)
        wire.stop()
        await host.for_s(4.5)  # the host itself gives up and starts again after 5 s
        wire.flow()
        last = ends(host.blocks[-1])
        await host.until(lambda: host.blocks[-1].index > last + 5000)
    blocks = [block for block in host.blocks if block.fs == 1000]
    check_ecg(blocks, 1)
    jumps = [b.index - ends(a) for a, b in itertools.pairwise(blocks)]
    assert min(jumps) == 0
    assert max(jumps) > 500
    assert {(block.device_time_ns or 0) - block.index * 1_000_000 for block in blocks} == {
        (blocks[0].device_time_ns or 0) - blocks[0].index * 1_000_000
    }


SCENARIOS: list[Scenario] = [reset, commands, brown_out, wrong_baud, flow_stop]
WIRED = {"brown_out", "wrong_baud", "flow_stop"}


@pytest.fixture(scope="module")
def outcomes(
    build: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, BaseException | None]:
    """Run everything; return what went wrong with each."""
    found: dict[str, BaseException | None] = {}
    folder = tmp_path_factory.mktemp("pipes")

    async def attempt(scenario: Scenario) -> None:
        name = scenario.__name__
        found[name] = None
        try:
            await on_both(scenario, folder / name if name in WIRED else None)
        except Exception as error:
            found[name] = error

    async def one_after_another() -> None:
        for scenario in SCENARIOS:
            await attempt(scenario)

    async def run() -> None:
        await asyncio.gather(attempt(minute), one_after_another())

    asyncio.run(run())
    return found


@pytest.mark.parametrize("name", [scenario.__name__ for scenario in [minute, *SCENARIOS]])
def test_both_chips(outcomes: dict[str, BaseException | None], name: str) -> None:
    error = outcomes[name]
    if error is not None:
        raise error
