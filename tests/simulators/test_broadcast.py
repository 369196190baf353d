"""A scale that only broadcasts, read by a session as shipped; the neighbour's stays away."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from teleward_drivers.catalogue import driver
from teleward_drivers.device import Discarded, Output
from teleward_drivers.link import Received
from teleward_gateway.sessions.opener import BroadcastOpener
from teleward_gateway.sessions.session import Session
from teleward_gateway.sessions.states import State
from teleward_gateway.testing.paced_time import run_paced
from teleward_signal.model import Measurement
from teleward_simulators.fleet import DeviceSpec, Fleet

OnAir = Callable[[Fleet, Path], AbstractAsyncContextManager[Any]]
OURS, NEIGHBOUR = "C0:00:00:00:00:01", "C0:00:00:00:00:02"


async def _weigh(on_air: OnAir, tmp_path: Path) -> tuple[list[Output], list[State]]:
    """Return what a session made of one weighing, and its states."""

    def spec(address: str, kg: float) -> DeviceSpec:
        options = {"first_s": 1.0, "kg": kg}
        return DeviceSpec("mi-scale", address, "simple:steady", address, options=options)

    fleet = Fleet([spec(OURS, 82.3), spec(NEIGHBOUR, 61.0)], f"unix:{tmp_path}/air.sock")
    outputs: list[Output] = []
    states: list[State] = []

    def take(_device: str, output: Output, _received: Received) -> None:
        outputs.append(output)

    async with on_air(fleet, tmp_path) as air:
        opener = BroadcastOpener(air.adapter, OURS)
        session = Session(
            "scale",
            driver("mi-scale"),
            {},
            opener,
            take,
            lambda _d, state, _r: states.append(state),
        )
        air.run(session)
        async with asyncio.timeout(20):
            while not any(isinstance(o, Measurement) for o in outputs):
                await asyncio.sleep(0.1)
        await asyncio.sleep(2.0)  # the steady value goes on until the person has stepped off
        assert session.status.state is State.STREAMING
    return outputs, states


def test_a_weighing_is_one_reading_of_one_scale(on_air: OnAir, tmp_path: Path) -> None:
    outputs, states = run_paced(_weigh(on_air, tmp_path))
    weights = [(o.metric, o.value) for o in outputs if isinstance(o, Measurement)]
    assert weights == [("body_weight", 82.3)]
    reasons = {o.reason for o in outputs if isinstance(o, Discarded)}
    assert reasons <= {"not_steady", "duplicate"}
    assert State.BACKING_OFF not in states
