"""Sessions against simulated serial devices on ptys: unplug, re-plug, wrong baud, silence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from teleward_drivers.catalogue import catalogue
from teleward_drivers.device import Output
from teleward_drivers.link import Received
from teleward_gateway.registry import Device
from teleward_gateway.sessions import connection, link_retry, opener
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.states import State
from teleward_signal.model import Measurement, SampleBlock
from teleward_simulators.sources import make_source
from teleward_simulators.wired.cms50d import Cms50d
from teleward_simulators.wired.framed_serial import FramedSerial
from teleward_simulators.wired.serial_device import SerialDevice


class Ports:
    """A manager without a radio, and what its sessions said."""

    def __init__(self) -> None:
        self.manager = SessionManager(catalogue(), None, self._on_output, self._on_state, seed=1)
        self.values: list[Output] = []
        self.states: list[State] = []
        self.reasons: list[str] = []
        self._changed = asyncio.Event()

    def _on_output(self, device: str, output: Output, received: Received) -> None:
        if isinstance(output, (SampleBlock, Measurement)):
            self.values.append(output)
            self._changed.set()

    def _on_state(self, device: str, state: State, reason: str) -> None:
        self.states.append(state)
        self.reasons.append(reason)
        self._changed.set()

    async def use(self, driver: str, port: str, **options: Any) -> None:
        await self.manager.apply([Device("d", driver, port, options=options)])

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(15):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{self.states} {self.reasons}") from None

    async def more_values(self) -> None:
        n = len(self.values)
        await self.until(lambda: len(self.values) > n)


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ports]:
    monkeypatch.setattr(link_retry, "FIRST_S", 0.05)
    monkeypatch.setattr(link_retry, "MISSING_S", 0.05)
    monkeypatch.setattr(opener, "PORT_POLL_S", 0.05)
    monkeypatch.setattr(connection, "TICK_S", 0.1)
    monkeypatch.setattr(connection, "NONSENSE_S", 0.5)
    ports = Ports()
    yield ports
    await ports.manager.stop()


def device(kind: type[SerialDevice], folder: Path) -> SerialDevice:
    return kind(make_source("simple:steady"), folder / "usb-SIM-if00-port0")


async def test_unplugged_device_is_used_again_when_it_returns(ports: Ports, tmp_path: Path) -> None:
    oximeter = device(Cms50d, tmp_path)
    await oximeter.start()
    await ports.use("cms50d", oximeter.address)
    await ports.more_values()
    oximeter.port.unplug()
    await ports.until(lambda: ports.states[-1] is State.SEARCHING)
    assert State.BACKING_OFF in ports.states
    oximeter.port.plug()
    await ports.more_values()
    await oximeter.stop()


async def test_device_plugged_in_late_is_waited_for(ports: Ports, tmp_path: Path) -> None:
    patch = device(FramedSerial, tmp_path)
    await ports.use("framed-serial", patch.address)
    await ports.until(lambda: State.SEARCHING in ports.states)
    await patch.start()
    await ports.more_values()
    await patch.stop()


async def test_wrong_baud_rate_is_recognised(ports: Ports, tmp_path: Path) -> None:
    patch = device(FramedSerial, tmp_path)
    await patch.start()
    await ports.use("framed-serial", patch.address, baudrate=9600)
    await ports.until(lambda: State.REFUSED in ports.states)
    assert "wrong baud rate" in ports.reasons[-1]
    assert ports.values == []
    await ports.use("framed-serial", patch.address)
    await ports.more_values()
    await patch.stop()


async def test_port_that_never_speaks_is_said_so_and_tried_again(
    ports: Ports, tmp_path: Path
) -> None:
    oximeter = device(Cms50d, tmp_path)
    oximeter.fault("silence", stuck=True)
    await oximeter.start()
    await ports.use("cms50d", oximeter.address, silence_s=0.5)
    await ports.until(lambda: ports.states.count(State.STALLED) == 2)
    assert any("no data was ever received" in reason for reason in ports.reasons)
    oximeter.fault("clear")
    await ports.more_values()
    await oximeter.stop()


async def test_port_taken_by_another_program_is_had_when_it_lets_go(
    ports: Ports, tmp_path: Path
) -> None:
    import serial

    patch = device(FramedSerial, tmp_path)
    await patch.start()
    with serial.Serial(patch.address, 115200, exclusive=True):
        await ports.use("framed-serial", patch.address)
        await ports.until(lambda: State.BACKING_OFF in ports.states)
        assert "in use by another program" in ports.reasons[-1]
    await ports.more_values()
    await patch.stop()
