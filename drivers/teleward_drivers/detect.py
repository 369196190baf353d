"""What speaks on a serial port: listen at each driver's settings and see whose frames come out.

Listening disturbs nothing: no byte is written, a port that another program holds is left alone
(exclusive open), and modem lines are left to the system. One thing no software can avoid: opening
a port raises DTR, which restarts an Arduino. Devices that are silent until asked, such as the
CMS50D+, are found only with ``ask``, which sends each driver's first commands.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from teleward_drivers.device import (
    Command,
    Discarded,
    Driver,
    DriverInfo,
    LinkType,
    SerialSettings,
    Write,
)
from teleward_drivers.errors import DeviceNotFound, LinkError, LinkUnavailable, Unavailable
from teleward_drivers.link import Received
from teleward_drivers.serial_link import SerialLink

LISTEN_S = 2.2
"""The slowest streams we know (Masimo, Nonin format 8) speak once a second: two lines at least."""

ENOUGH_SHARE = 0.7
"""Part of the bytes that must have been understood. Noise through the weakest framing we know
(BCI: five bytes, no checksum) passes less than a third; a stream cut at both ends nearly all."""

ENOUGH_VALUES = 2


class PortState(StrEnum):
    """What came of listening."""

    FOUND = "found"
    SILENT = "silent"
    UNKNOWN = "unknown"
    IN_USE = "in_use"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Detection:
    """The answer for one port; ``share`` is the part of the bytes that the driver understood."""

    port: str
    state: PortState
    driver: str = ""
    settings: SerialSettings | None = None
    share: float = 0.0
    n_bytes: int = 0
    detail: str = ""


async def detect(
    port: str, drivers: Iterable[DriverInfo], ask: bool = False, listen_s: float = LISTEN_S
) -> Detection:
    """Return which driver understands ``port``; raises nothing about the port itself."""
    groups: dict[SerialSettings, list[DriverInfo]] = {}
    for info in drivers:
        if info.link is LinkType.SERIAL and info.serial is not None:
            groups.setdefault(info.serial, []).append(info)
    best, n_bytes = Detection(port, PortState.SILENT), 0
    for settings, members in groups.items():
        try:
            found = await _listen(port, settings, members, ask, listen_s)
        except LinkUnavailable as error:
            state = PortState.IN_USE if error.reason is Unavailable.IN_USE else PortState.UNKNOWN
            return Detection(port, state, detail=str(error))
        except DeviceNotFound as error:
            return Detection(port, PortState.MISSING, detail=str(error))
        except LinkError as error:
            return Detection(port, PortState.UNKNOWN, detail=str(error))
        n_bytes += found.n_bytes
        if found.state is PortState.FOUND and found.share > best.share:
            best = found
        if best.share > 0.99:
            break
    if best.state is PortState.FOUND or n_bytes == 0:
        return best
    detail = f"{n_bytes} bytes, and no driver understands them at its baud rate"
    return Detection(port, PortState.UNKNOWN, n_bytes=n_bytes, detail=detail)


async def _listen(
    port: str, settings: SerialSettings, members: list[DriverInfo], ask: bool, listen_s: float
) -> Detection:
    """Open once and feed the same bytes to all drivers of these settings."""
    trials = [Trial(info) for info in members]
    link = await SerialLink.open(port, settings)
    try:
        for trial in trials if ask else []:
            for data in trial.first_words():
                await link.write(data)
        end_s = time.monotonic() + listen_s
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    received = await link.read()
            except TimeoutError:
                break
            for trial in trials:
                trial.feed(received)
    finally:
        await link.close()
    best = max(trials, key=lambda trial: trial.share)
    n_bytes = best.n_bytes
    if best.n_values < ENOUGH_VALUES or best.share < ENOUGH_SHARE:
        return Detection(port, PortState.UNKNOWN, n_bytes=n_bytes)
    return Detection(port, PortState.FOUND, best.info.name, settings, best.share, n_bytes)


class Trial:
    """One driver listening to bytes that may not be its own."""

    def __init__(self, info: DriverInfo) -> None:
        self.info = info
        self.n_bytes = self.n_values = self._n_discarded = 0
        self._driver: Driver | None = None
        with contextlib.suppress(ValueError):  # a driver that must be told its columns
            self._driver = info.make({})

    @property
    def share(self) -> float:
        """Part of the bytes understood, 0 without any value."""
        if not self.n_values or not self.n_bytes:
            return 0.0
        return max(0.0, 1.0 - self._n_discarded / self.n_bytes)

    def first_words(self) -> list[bytes]:
        """Return what the driver would write first."""
        if self._driver is None:
            return []
        outputs = self._driver.start(time.time_ns())
        return [output.data for output in outputs if isinstance(output, Write)]

    def feed(self, received: Received) -> None:
        """Take bytes in."""
        if self._driver is None:
            return
        self.n_bytes += len(received.data)
        for output in self._driver.feed(received):
            if isinstance(output, Discarded):
                self._n_discarded += output.n_bytes
            elif not isinstance(output, Command):
                self.n_values += 1
