"""A session over a null modem: order, recovery, silence, refusals, commands, errors of others."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from teleward_drivers.ble import pulse_oximeter
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    Request,
    Subscribe,
    Verification,
    Write,
)
from teleward_drivers.errors import DeviceNotFound, LinkError, LinkLost, OperationRefused
from teleward_drivers.link import Link, Received
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.memory_link import Faults, MemoryLink
from teleward_gateway.sessions import connection, link_retry
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.session import Session
from teleward_gateway.sessions.states import State
from teleward_signal.model import Measurement

VALUE, CLOCK, NAME = "value", "clock", "name"
CHANNELS = frozenset({VALUE, CLOCK, NAME})


class Echo:
    """A driver that says a pulse rate for each byte, and keeps alive once a tick."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def start(self, now_ns: int) -> Iterable[Output]:
        if self.options.get("mute"):
            return
        yield Subscribe(VALUE)
        yield Write(b"time", CLOCK)
        yield Request(NAME)
        yield Subscribe("battery", optional=True)

    def feed(self, received: Received) -> Iterable[Output]:
        if received.data == b"!":
            raise RuntimeError("a driver that breaks its promise")
        if received.data == b"?":
            yield Discarded(1, "checksum")
        elif received.channel == VALUE:
            yield Measurement("pulse_rate", float(received.data[0]))

    def tick(self, now_ns: int) -> Iterable[Output]:
        yield Write(b"alive", CLOCK)

    def command(self, name: str, **arguments: Any) -> Iterable[Output]:
        yield Write(name.encode() + bytes([arguments["level"]]), arguments.get("channel", CLOCK))


INFO = DriverInfo(
    name="echo",
    title="Echo",
    link=LinkType.BLE,
    verification=Verification.SIMULATOR,
    source="this test",
    make=Echo,
    metrics=frozenset({"pulse_rate"}),
    silence_s=0.3,
    commands=frozenset({"beep"}),
)


@dataclass
class Air:
    """Opens a new null modem at each connect and keeps the device's ends."""

    faults: Faults = field(default_factory=Faults)
    errors: list[LinkError] = field(default_factory=list)
    ends: list[MemoryLink] = field(default_factory=list)
    channels: frozenset[str] = CHANNELS
    bonds_forgotten: int = 0
    connected: asyncio.Queue[MemoryLink] = field(default_factory=asyncio.Queue)

    async def search(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    @property
    def bonded(self) -> bool:
        return False

    async def forget_bond(self) -> None:
        self.bonds_forgotten += 1

    async def connect(self) -> Link:
        near, far = MemoryLink.pair(self.faults, channels=self.channels)
        far.values[NAME] = b"Echo 1"
        self.ends.append(far)
        self.connected.put_nowait(far)
        return near


class Bench:
    """A session, what it said, and a way to wait for it."""

    def __init__(
        self, air: Air, info: DriverInfo = INFO, options: dict[str, Any] | None = None
    ) -> None:
        self.air = air
        self.outputs: list[Output] = []
        self.states: list[State] = []
        self.reasons: list[str] = []
        self._changed = asyncio.Event()
        self.session = Session(
            "echo-1", info, options or {}, air, self._on_output, self._on_state, random.Random(1)
        )
        self.task = asyncio.create_task(self.session.run())

    def _on_output(self, device: str, output: Output, received: Received) -> None:
        self.outputs.append(output)
        self._changed.set()
        if output == Measurement("pulse_rate", 99.0):
            raise RuntimeError("a receiver that fails")

    def _on_state(self, device: str, state: State, reason: str) -> None:
        self.states.append(state)
        self.reasons.append(reason)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every wait: what is tested is the order of things."""
    monkeypatch.setattr(link_retry, "FIRST_S", 0.02)
    monkeypatch.setattr(link_retry, "MISSING_S", 0.02)
    monkeypatch.setattr(link_retry, "REFUSED_S", 0.05)
    monkeypatch.setattr(connection, "TICK_S", 0.05)
    monkeypatch.setattr(connection, "NONSENSE_S", 0.2)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(Air())
    yield bench
    await bench.stop()


async def test_commands_run_in_order_and_values_flow(bench: Bench) -> None:
    await bench.until(lambda: State.STREAMING in bench.states)
    device = bench.air.ends[0]
    assert (await device.read()).data == b"time"
    await device.write(b"\x48", VALUE)
    await bench.until(lambda: bool(bench.outputs))
    assert bench.outputs == [Measurement("pulse_rate", 72.0)]
    assert bench.states == [
        State.SEARCHING,
        State.CONNECTING,
        State.DISCOVERING,
        State.STREAMING,
    ]


async def test_lost_link_comes_back_with_all_its_subscriptions(bench: Bench) -> None:
    """The clock is written and the channel subscribed at each connect, not only at the first."""
    for n in range(3):
        device = await bench.air.connected.get()
        await bench.until(lambda n=n: bench.states.count(State.STREAMING) == n + 1)  # type: ignore[misc]
        await device.write(bytes([60 + n]), VALUE)
        await bench.until(lambda n=n: len(bench.outputs) == n + 1)  # type: ignore[misc]
        assert (await device.read()).data == b"time"
        device.hang_up("walked away")
    await bench.until(lambda: bench.states.count(State.BACKING_OFF) == 3)
    assert "walked away" in bench.reasons
    assert bench.session.counters.n_connects == 3
    assert bench.session.counters.n_losses == 3


async def test_last_words_before_a_hang_up_are_heard(bench: Bench) -> None:
    """A cuff sends its result and disconnects at once."""
    device = await bench.air.connected.get()
    for value in (70, 71, 72):
        await device.write(bytes([value]), VALUE)
    device.hang_up()
    await bench.until(lambda: State.BACKING_OFF in bench.states)
    values = [o.value for o in bench.outputs if isinstance(o, Measurement)]
    assert values == [70.0, 71.0, 72.0]


async def test_silent_link_is_torn_down_and_made_anew(bench: Bench) -> None:
    await bench.until(lambda: State.STREAMING in bench.states)
    bench.air.faults.silent = True
    await bench.until(lambda: State.STALLED in bench.states)
    bench.air.faults.silent = False
    await bench.until(lambda: bench.states.count(State.STREAMING) >= 2)
    assert any("silent for" in r or "no data was ever received" in r for r in bench.reasons)
    assert bench.session.counters.n_stalls >= 1
    with pytest.raises(LinkLost):
        await bench.air.ends[0].write(b"x", VALUE)


@pytest.mark.parametrize(
    ("channels", "watched_before", "watched_after"),
    [
        ({pulse_oximeter.SPOT_CHECK}, False, False),
        ({pulse_oximeter.CONTINUOUS}, True, True),
        ({pulse_oximeter.SPOT_CHECK, pulse_oximeter.CONTINUOUS}, False, True),
    ],
)
async def test_only_an_oximeter_that_streams_is_watched_for_silence(
    channels: set[str], watched_before: bool, watched_after: bool
) -> None:
    bench = Bench(Air(channels=frozenset(channels)), pulse_oximeter.DRIVER)
    await bench.until(lambda: State.STREAMING in bench.states)
    link = bench.session._connection
    assert link is not None
    assert bench.session.is_episodic is not watched_before
    link._received_ns -= 3_600_000_000_000
    assert isinstance(link._wrong(), connection.Silent) is watched_before
    if pulse_oximeter.CONTINUOUS in channels:
        value = pulse_oximeter.ContinuousMeasurement((MedFloat.of(97.0), MedFloat.of(60.0)))
        link._feed(Received(bytes(value), 1, 1, pulse_oximeter.CONTINUOUS))
        link._received_ns -= 3_600_000_000_000
    assert isinstance(link._wrong(), connection.Silent) is watched_after
    assert bench.session.is_episodic is not watched_after
    assert bench.states.count(State.STREAMING) == (1 if watched_after == watched_before else 2)
    await bench.stop()


async def test_device_that_comes_late_is_waited_for() -> None:
    bench = Bench(Air(errors=[DeviceNotFound("not in reach")] * 3))
    await bench.until(lambda: State.STREAMING in bench.states)
    assert bench.states.count(State.BACKING_OFF) == 3
    assert bench.reasons.count("not in reach") == 3
    await bench.stop()


async def test_device_without_a_required_channel_is_refused() -> None:
    bench = Bench(Air(channels=frozenset({VALUE, CLOCK})))
    await bench.until(lambda: bench.states.count(State.REFUSED) == 2)
    assert "no characteristic name" in " ".join(bench.reasons)
    assert State.STREAMING not in bench.states
    await bench.stop()


async def test_mistakes_of_others_do_not_end_the_session(bench: Bench) -> None:
    device = await bench.air.connected.get()
    await device.write(b"!", VALUE)
    await device.write(b"?", VALUE)
    await device.write(bytes([99]), VALUE)
    await device.write(bytes([72]), VALUE)
    await bench.until(lambda: len(bench.outputs) == 3)
    counters = bench.session.counters
    assert (counters.n_errors, counters.discarded["checksum"], counters.n_values) == (2, 1, 2)
    assert State.BACKING_OFF not in bench.states


async def test_persons_command_reaches_the_device_and_its_refusal_the_person(
    bench: Bench,
) -> None:
    await bench.until(lambda: State.STREAMING in bench.states)
    await bench.session.command("beep", {"level": 7})
    device, said = bench.air.ends[0], []
    while b"beep\x07" not in said:
        said.append((await device.read()).data)
    with pytest.raises(OperationRefused):
        await bench.session.command("beep", {"level": 7, "channel": "nowhere"})
    with pytest.raises(ValueError, match="no command 'erase'; it has: beep"):
        await bench.session.command("erase", {})
    assert State.BACKING_OFF not in bench.states
    await bench.stop()
    with pytest.raises(LinkLost, match="not connected"):
        await bench.session.command("beep", {"level": 7})


async def test_bytes_that_never_make_sense_are_called_a_wrong_baud_rate() -> None:
    serial = replace(INFO, link=LinkType.SERIAL, silence_s=5.0)
    bench = Bench(Air(channels=frozenset()), serial, {"mute": True})
    device = await bench.air.connected.get()
    for _ in range(80):
        await device.write(b"?")
    await bench.until(lambda: State.REFUSED in bench.states)
    assert "wrong baud rate" in bench.reasons[-1]
    await bench.stop()


async def test_stop_is_quick_and_leaves_the_link_closed(bench: Bench) -> None:
    device = await bench.air.connected.get()
    await bench.stop()
    assert bench.states[-1] is State.IDLE
    assert bench.session.counters.n_losses == 0, "taken off on purpose"
    with pytest.raises(LinkLost):
        await device.write(b"x", VALUE)


async def test_a_command_answers_when_the_link_ends_under_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.until(lambda: State.STREAMING in bench.states)
    far = bench.air.ends[0]
    begun = asyncio.Event()

    async def write(self: MemoryLink, data: bytes, channel: str, response: bool = True) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(MemoryLink, "write", write)
    order = asyncio.create_task(bench.session.command("beep", {"level": 1}))
    async with asyncio.timeout(30):
        await begun.wait()
        await far.close()
        with pytest.raises(LinkLost):
            await order


async def test_a_session_that_was_replaced_is_mute() -> None:
    heard: list[tuple[str, State]] = []
    manager = SessionManager({}, None, lambda *_: None, lambda d, s, _: heard.append((d, s)))
    _, first_state = manager._callbacks("strap")
    _, second_state = manager._callbacks("strap")
    second_state("strap", State.STREAMING, "")
    first_state("strap", State.IDLE, "")
    assert heard == [("strap", State.STREAMING)]
