"""A simulated serial device: a protocol engine behind a port, with faults.

An engine is pure: `connected`, `feed` and `tick` take the device's time in seconds and return the
bytes to send. The port is a pty; what the engine returns goes out as one write a tick.
"""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from teleward_signal.errors import Invalid
from teleward_simulators.device_clock import DeviceClock
from teleward_simulators.faults import (
    FAULTS,
    WHOLE_PACKETS,
    PacketFaults,
    PacketMangler,
    mangle_bytes,
)
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.pty_port import PtyPort

REPLUG_S = 1.0
"""How long `link_loss` leaves the port away: a person re-seats a plug in about a second."""


class Engine(Protocol):
    """The protocol of a serial device, without the port."""

    def connected(self, now_s: float) -> list[bytes]:
        """Restart, as after power-on; return the bytes that the device sends by itself."""
        ...

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        """Take what the host wrote; return the answers."""
        ...

    def tick(self, now_s: float) -> list[bytes]:
        """Return what is due."""
        ...

    def set_probe(self, off: bool) -> None:
        """Take the sensor off the body or put it back."""
        ...

    def set_battery(self, percent: int) -> None:
        """Set the charge."""
        ...


@runtime_checkable
class HasElectrodes(Protocol):
    """An engine whose electrodes can stand off by ``offset_mv``."""

    offset_mv: float


class SerialDevice:
    """One device at ``path``; a kind is a subclass that makes its engine."""

    kind = ""
    title = ""
    baudrate = 115200
    tick_s = 0.05
    """How often bytes leave: like the 16 ms and 64 bytes of a USB adapter, or slower."""

    def __init__(
        self,
        source: VitalSource,
        path: str | Path,
        name: str | None = None,
        clock: DeviceClock | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.source = source
        self.serial = f"{seed:04d}"
        self.name = name or self.title
        self.clock = clock or DeviceClock()
        self.seed = seed
        self.options = options
        self.faults = PacketFaults()
        self.mangler = PacketMangler(seed)
        self.delay_s = 0.0
        self.silent = False
        self.sent = 0
        self._random = random.Random(seed)
        self.engine: Engine = self.make_engine()
        self.port = PtyPort(Path(path), self.baudrate, self._opened, self._received, seed)
        self._task: asyncio.Task[None] | None = None

    def make_engine(self) -> Engine:
        """Return the protocol of this kind."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """The name of the port."""
        return str(self.port.path)

    @property
    def connected(self) -> bool:
        """Return whether a host has the port open."""
        return self.port.is_open

    async def start(self) -> None:
        """Plug the device in."""
        self.port.plug()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Unplug the device; idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.port.unplug()

    async def _run(self) -> None:
        while True:
            if self.port.is_open:
                self._send(self.engine.tick(self.clock.now_s()))
            await asyncio.sleep(self.tick_s)

    def _opened(self) -> None:
        self.silent = self.silent and bool(self.options.get("stuck"))
        self._send(self.engine.connected(self.clock.now_s()))

    def _received(self, data: bytes) -> None:
        self._send(self.engine.feed(data, self.clock.now_s()))

    def _send(self, pieces: list[bytes]) -> None:
        if not pieces or self.silent:
            return
        data = b"".join(out for piece in pieces for out in self.mangler(piece))
        if self.faults != PacketFaults():
            data = mangle_bytes(data, self.faults, self._random)
        self.sent += len(pieces)
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self.port.write, data)
        else:
            self.port.write(data)

    def fault(self, name: str, **arguments: Any) -> None:
        """Carry out one of `FAULTS`; raises ValueError for those that a cable cannot have.

        ``packets`` makes the rate of a packet fault count per packet instead of per byte.
        """
        match name:
            case "link_loss":
                self.port.unplug()
                loop = asyncio.get_running_loop()
                loop.call_later(float(arguments.get("seconds", REPLUG_S)), self._replug)
            case "silence":
                self.silent = True
                self.options["stuck"] = bool(arguments.get("stuck", False))
            case "latency":
                self.delay_s = float(arguments.get("seconds", 0.03))
            case "clock_skew":
                self.clock.set_skew(float(arguments.get("ppm", 100.0)))
            case "low_battery":
                self.engine.set_battery(int(arguments.get("percent", 5)))
            case "probe_off":
                self.engine.set_probe(True)
            case "garbage":
                self.port.write(self._random.randbytes(int(arguments.get("count", 64))))
            case "clear":
                self._clear_faults()
            case "electrode_offset" if isinstance(self.engine, HasElectrodes):
                self.engine.offset_mv = float(arguments.get("millivolts", 75.0))
            case _ if name in WHOLE_PACKETS or (
                name in PacketFaults.__slots__ and arguments.get("packets")
            ):
                self.mangler.set(name, float(arguments.get("rate", 0.05)))
            case _ if name in PacketFaults.__slots__:
                setattr(self.faults, name, float(arguments.get("rate", 0.01)))
            case _:
                known = "a BLE fault" if name in FAULTS else f"none of {', '.join(FAULTS)}"
                raise Invalid(f"{self.address}: {name!r} is {known}")

    def _clear_faults(self) -> None:
        self.faults, self.silent, self.delay_s = PacketFaults(), False, 0.0
        self.mangler.clear()
        self.clock.set_skew(0.0)
        self.engine.set_battery(90)
        self.engine.set_probe(False)
        if isinstance(self.engine, HasElectrodes):
            self.engine.offset_mv = 0.0

    def _replug(self) -> None:
        if self._task is not None:
            self.port.plug()
