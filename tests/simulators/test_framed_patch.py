"""A patch over Nordic UART loses nothing at any MTU, also when it was held up."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Output
from teleward_drivers.link import Received
from teleward_gateway.sessions.session import Session
from teleward_gateway.testing.paced_time import hold_up, run_paced
from teleward_signal.model import SampleBlock
from teleward_simulators.fleet import DeviceSpec, Fleet

OnAir = Callable[[Fleet, Path], AbstractAsyncContextManager[Any]]
HELD_UP_S = 1.0
"""Longer than the largest frame of 250 Hz holds."""


async def _blocks(on_air: OnAir, mtu: int) -> list[SampleBlock]:
    """Return what comes before and after everything was held up once."""
    blocks: list[SampleBlock] = []

    def on_output(_device: str, output: Output, _received: Received) -> None:
        if isinstance(output, SampleBlock):
            blocks.append(output)

    options = {"mtu": mtu, "waves": {"ecg_ii": 250.0}}
    spec = DeviceSpec("framed-patch", "patch", "physiology:normal", seed=5, options=options)
    with tempfile.TemporaryDirectory(prefix="tw-") as folder:
        fleet = Fleet([spec], f"unix:{folder}/air.sock", Path(folder) / "p", time.monotonic(), 0)
        async with on_air(fleet, Path(folder)) as air:
            (device,) = fleet.devices.values()
            info = driver_info("framed-uart")
            opener = air.opener(info, device.address)
            air.run(
                Session("patch", info, {}, opener, on_output, lambda *_: None, random.Random(1))
            )
            async with asyncio.timeout(30.0):
                for beyond in (0, 250):
                    count = len(blocks) and blocks[-1].index + beyond
                    while not blocks or blocks[-1].index <= count:
                        await asyncio.sleep(0.05)
                    if not beyond:
                        hold_up(HELD_UP_S)
    return blocks


@pytest.mark.parametrize("mtu", [23, 185, 247, 517])
def test_a_patch_that_was_held_up_sends_every_sample(on_air: OnAir, mtu: int) -> None:
    blocks = run_paced(_blocks(on_air, mtu))
    ends = [block.index + len(block.samples) for block in blocks]
    assert [block.index for block in blocks[1:]] == ends[:-1]
