"""Emulated chips for the tests: a process, its serial port, and the gateway's own stack on it.

chip (simavr or QEMU) ==pty== SerialLink, driver
chip ==pty or pipes== Wire (baud rates, a stop of the flow) ==pty== SerialLink, driver
"""

import asyncio
import contextlib
import fcntl
import itertools
import os
import re
import subprocess
import termios
import time
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.device import Discarded, Output, Write
from teleward_drivers.framed_driver import FramedDriver
from teleward_drivers.link import Received
from teleward_drivers.serial_link import SerialLink
from teleward_drivers.wired.framed_serial import DRIVER, make
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

ROOT = Path(__file__).parents[3] / "firmware_stubs"
BUILD = ROOT / "build"
WAIT_S = 60.0
"""What a busy machine may take for any one step; nothing here is a measurement of time."""

AVR_BAUD = 117647
"""What 16 MHz give where 115200 is asked for: 16e6 / 8 / 17."""


def run_make(*arguments: str) -> str:
    """Run make in firmware_stubs and return what it printed; a failure shows it."""
    done = subprocess.run(
        ["make", "-s", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Chip:
    """One chip: avr, arm or host (a program on this machine), as an async context manager.

    With ``pipes``, QEMU's port is a pair of named pipes there in place of a pty: a pty swallows
    64 KB before it stops a writer, a pipe one page.
    """

    def __init__(
        self, name: str, program: str, build: Path = BUILD, pipes: Path | None = None
    ) -> None:
        self.name = name
        self.is_avr = name == "avr"
        self.baudrate = AVR_BAUD if self.is_avr else 115200
        elf = build / name / f"{program}.elf"
        self.pipes = None if self.is_avr else pipes
        serial = "pty" if self.pipes is None else f"pipe:{self.pipes}"
        qemu = ["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-serial", serial]
        runner = [str(BUILD / "simavr_run"), str(elf)]
        self._command = {
            "avr": runner,
            "arm": [*qemu, "-monitor", "stdio", "-kernel", str(elf)],
            "host": [str(build / name / program)],
        }[name]
        self.port = ""

    async def __aenter__(self) -> "Chip":
        if self.pipes is not None:
            os.mkfifo(f"{self.pipes}.in")
            os.mkfifo(f"{self.pipes}.out")
        pipe, merged = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=merged
        )
        if self.pipes is None:
            self.port = (await self._line(r"/dev/pts/\d+"))[0]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.kill()
        await self._process.communicate()

    async def order(self, text: str) -> None:
        """Command the emulator, in its own words."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()

    async def reset(self) -> None:
        """Press the reset button."""
        await self.order("reset" if self.is_avr else "system_reset")

    async def stack_bytes(self) -> int:
        """Return the deepest stack so far (AVR)."""
        await self.order("stack")
        return int((await self._line(r"^stack (\d+)"))[1])

    async def _line(self, pattern: str) -> re.Match[str]:
        assert self._process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while line := (await self._process.stdout.readline()).decode():
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"{self._command}: ended without saying {pattern}")


class Host:
    """The gateway's link and driver for one port, and all that they said."""

    def __init__(self, port: str, baudrate: int = 115200) -> None:
        assert DRIVER.serial is not None
        self._settings = DRIVER.serial.__class__(baudrate)
        self._port = port
        self.driver: FramedDriver = make()
        self.blocks: list[SampleBlock] = []
        self.values: list[Measurement] = []
        self.discarded: list[Discarded] = []
        self.identity: list[dict[str, str]] = []
        self.faults: frozenset[str] = frozenset()

    async def __aenter__(self) -> "Host":
        self._link = await SerialLink.open(self._port, self._settings)
        await self._take(list(self.driver.start(time.time_ns())))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.close()

    async def command(self, name: str, **arguments: object) -> None:
        """Order something of the device."""
        await self._take(list(self.driver.command(name, **arguments)))

    async def until(self, condition: Callable[[], bool], within_s: float = WAIT_S) -> None:
        """Read until the condition holds."""
        async with asyncio.timeout(within_s):
            while not condition():
                await self._step()

    async def for_s(self, seconds: float) -> None:
        """Read for a while."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: False, seconds)

    def said(self, name: str) -> list[str]:
        """Return every value of one field that the device told about itself."""
        return [identity[name] for identity in self.identity if name in identity]

    async def _step(self) -> None:
        try:
            async with asyncio.timeout(0.5):
                received: Received | None = await self._link.read()
        except TimeoutError:
            received = None
        if received is not None:
            await self._take(list(self.driver.feed(received)))
        await self._take(list(self.driver.tick(time.time_ns())))

    async def _take(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Write():
                    await self._link.write(output.data)
                case SampleBlock():
                    self.blocks.append(output)
                case Measurement():
                    self.values.append(output)
                case Discarded():
                    self.discarded.append(output)
                case DeviceStatus():
                    self.faults = output.faults
                    self.identity.append(dict(output.identity))


class Wire:
    """Two wires between a chip and a host: bytes arrive as the two baud rates make them."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> "Wire":
        self._from, self._to = self._open_chip()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._loop.add_reader(self._master, self._from_host)
        self.flow()
        return self

    def _open_chip(self) -> tuple[int, int]:
        mode = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK
        pipes = self._chip.pipes
        if pipes is None:
            far = os.open(self._chip.port, mode)
            tty.setraw(far)
            return far, os.dup(far)
        ends = os.open(f"{pipes}.out", mode), os.open(f"{pipes}.in", mode)
        fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, 4096)
        return ends

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        self._loop.remove_reader(self._master)
        for descriptor in (self._from, self._to, self._master, self._slave):
            os.close(descriptor)

    def stop(self) -> None:
        """Hold back all bytes of the chip: it fills what buffers there are."""
        self._loop.remove_reader(self._from)

    def flow(self) -> None:
        """Pass the chip's bytes on again."""
        self._loop.add_reader(self._from, self._from_chip)

    def _host_baud(self) -> int:
        rates = {termios.B9600: 9600, termios.B38400: 38400, termios.B115200: 115200}
        return rates[termios.tcgetattr(self._master)[5]]  # a new pty has 38400

    def _from_chip(self) -> None:
        data = os.read(self._from, 4096)
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, resample(data, self._chip.baudrate, self._host_baud()))

    def _from_host(self) -> None:
        data = os.read(self._master, 4096)
        os.write(self._to, resample(data, self._host_baud(), self._chip.baudrate))


def resample(data: bytes, sender_baud: int, receiver_baud: int) -> bytes:
    """Return what an 8N1 receiver at one rate reads of bytes sent back to back at another.

    As Linux does, a byte whose stop bit is missing arrives as 0.
    """
    levels = [bit for byte in data for bit in (0, *(byte >> n & 1 for n in range(8)), 1)]

    def level(at_s: float) -> int:
        index = int(at_s * sender_baud)
        return levels[index] if index < len(levels) else 1

    out = bytearray()
    at_s, fine_s = 0.0, 1 / (16 * receiver_baud)
    while at_s * sender_baud < len(levels):
        if level(at_s) == 1:  # idle: look for the falling edge, 16 times a bit as receivers do
            at_s += fine_s
            continue
        bits = [level(at_s + (n + 0.5) / receiver_baud) for n in range(1, 10)]
        out.append(sum(bit << n for n, bit in enumerate(bits[:8])) if bits[8] else 0)
        at_s += 9.5 / receiver_baud
        while level(at_s) == 0:  # a break lasts until the line is idle
            at_s += fine_s
    return bytes(out)


CORNERS: tuple[tuple[int, int], ...] = (
    (0, 0),
    (100, 0),
    (140, 51),
    (180, 0),
    (240, 0),
    (260, -34),
    (290, 341),
    (320, -85),
    (340, 0),
    (460, 0),
    (520, 102),
    (580, 0),
    (800, 0),
)
"""The ECG of `firmware_stubs/common/test_signal.c`: ms, counts of 1 mV / 341."""


def ecg_table() -> NDArray[np.int16]:
    """Return the test ECG for each millisecond of its 16 beats, counts."""
    counts = []
    for at_ms in range(16 * 800):
        beat, phase = divmod(at_ms, 800)
        (t0, v0), (t1, v1) = next(
            pair for pair in itertools.pairwise(CORNERS) if pair[1][0] > phase
        )
        wave = v0 + int((v1 - v0) * (phase - t0) / (t1 - t0))  # towards zero, as C divides
        counts.append(512 + wave + (4 * beat if wave > 102 else 0))
    return np.array(counts, np.int16)


ECG = ecg_table()


def check_ecg(blocks: list[SampleBlock], period_ms: int = 4) -> None:
    """Check every sample of every block against the test signal at its index."""
    for block in blocks:
        assert block.fs == 1000 / period_ms
        at_ms = (block.index + np.arange(len(block.samples))) * period_ms
        np.testing.assert_array_equal(block.samples, ECG[at_ms % len(ECG)])


def ends(block: SampleBlock) -> int:
    """Return the index after the last sample."""
    return block.index + len(block.samples)


async def on_both(scenario: Callable[[Chip], Awaitable[None]], pipes: Path | None = None) -> None:
    """Run a scenario on an AVR and a Cortex-M at the same time."""

    async def one(name: str) -> None:
        async with Chip(name, "ecg_patch", pipes=pipes) as chip:
            await scenario(chip)

    async with asyncio.TaskGroup() as group:
        group.create_task(one("avr"))
        group.create_task(one("arm"))
