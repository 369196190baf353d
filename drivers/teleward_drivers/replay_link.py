"""A capture, played as a device: the bytes that a real one sent, at their times or at once.

A capture is a text file, one JSON object a line, so that it survives mail, diff and a cut:

    {"capture": 1, "driver": "cms50d", "started": "2026-11-22T10:30:00Z", "note": "..."}
    {"t": 0.000, "to": "7d81a1808080808080"}                written to the device
    {"t": 0.012, "ch": "", "from": "01e085b396c1e1ffff"}    came from the device

``t`` is in seconds since the start of the capture, ``ch`` the characteristic ("" on a wire),
A torn last line, as after a power cut, is left out.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from teleward_drivers.errors import LinkLost, OperationRefused
from teleward_drivers.inbox import Inbox
from teleward_drivers.link import Link, Received
from teleward_signal.errors import Invalid

VERSION = 1


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes at ``time_s`` of a capture; ``sent`` ones went to the device."""

    time_s: float
    data: bytes
    channel: str = ""
    sent: bool = False

    def line(self) -> str:
        """Return the piece as a line of a capture."""
        key = "to" if self.sent else "from"
        made = {"t": round(self.time_s, 6), "ch": self.channel, key: self.data.hex()}
        return json.dumps(made)


@dataclass(frozen=True, slots=True)
class Capture:
    """A recorded session of a device and its host; ``header`` names its driver."""

    header: dict[str, Any]
    pieces: tuple[Piece, ...]

    @property
    def driver(self) -> str:
        """Name of the driver that the capture was made with."""
        return str(self.header.get("driver", ""))

    def received(self) -> Iterator[Received]:
        """Return what came from the device, stamped with the times of the capture."""
        for piece in self.pieces:
            if not piece.sent:
                time_ns = round(piece.time_s * 1e9)
                yield Received(piece.data, time_ns, time_ns, piece.channel)


def load_capture(path: Path) -> Capture:
    """Read a capture; raises ValueError naming file and line."""
    with path.open(encoding="utf-8") as file:
        return parse_capture(file, str(path))


def parse_capture(lines: Iterable[str], name: str = "capture") -> Capture:
    """Read a capture from its lines; raises ValueError naming the line."""
    header: dict[str, Any] | None = None
    pieces: list[Piece] = []
    wrong = ""
    for number, line in enumerate(lines, 1):
        if wrong:
            raise Invalid(wrong)
        try:
            values = json.loads(line)
            if header is None:
                header = _checked_header(values)
            else:
                pieces.append(_piece(values))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            wrong = f"{name}:{number}: not a line of a capture: {error}"
    if header is None:
        raise Invalid(wrong or f"{name}: empty")
    return Capture(header, tuple(pieces))


def _checked_header(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict) or values.get("capture") != VERSION:
        raise Invalid(f'the first line must hold "capture": {VERSION}')
    return values


def _piece(values: dict[str, Any]) -> Piece:
    sent = "to" in values
    data = bytes.fromhex(values["to" if sent else "from"])
    return Piece(float(values["t"]), data, str(values.get("ch", "")).lower(), sent)


class CapturingLink:
    """A link that writes down everything that passes it."""

    def __init__(self, link: Link, file: TextIO, driver: str, note: str = "") -> None:
        self._link, self._file = link, file
        self._began_ns = time.monotonic_ns()
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        header = {"capture": VERSION, "driver": driver, "started": started, "note": note}
        file.write(json.dumps(header) + "\n")

    def channels(self) -> frozenset[str]:
        """Return the channels of the device."""
        return self._link.channels()

    async def read(self) -> Received:
        """Wait for the next bytes and write them down."""
        received = await self._link.read()
        self._note(received.monotonic_ns, received.data, received.channel, False)
        return received

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Send and write down."""
        self._note(time.monotonic_ns(), data, channel, True)
        await self._link.write(data, channel, response)

    async def subscribe(self, channel: str) -> None:
        """Pass on."""
        await self._link.subscribe(channel)

    async def request(self, channel: str) -> None:
        """Pass on; the answer is read, and so written down."""
        await self._link.request(channel)

    async def close(self) -> None:
        """Close the link and bring the file to its end."""
        self._file.flush()
        await self._link.close()

    def _note(self, time_ns: int, data: bytes, channel: str, sent: bool) -> None:
        piece = Piece((time_ns - self._began_ns) / 1e9, data, channel, sent)
        self._file.write(piece.line() + "\n")


class ReplayLink:
    """Plays a capture: ``speed`` 1 as it was, 10 ten times as fast, 0 at once; then hangs up."""

    def __init__(self, capture: Capture, speed: float = 1.0) -> None:
        self.written: list[Piece] = []
        self._capture = capture
        self._inbox = Inbox(max(1, len(capture.pieces)))
        self._channels = frozenset(p.channel for p in capture.pieces if p.channel)
        self._began_s = time.monotonic()
        self._player = asyncio.create_task(self._play(speed))

    def channels(self) -> frozenset[str]:
        """Return the channels that appear in the capture."""
        return self._channels

    async def read(self) -> Received:
        """Wait for the next bytes."""
        return await self._inbox.get()

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Keep what the driver wrote, for a comparison; the capture goes on as it was."""
        if (ended := self._inbox.ended) is not None:
            raise ended
        self.written.append(Piece(time.monotonic() - self._began_s, data, channel, True))

    async def subscribe(self, channel: str) -> None:
        """Check that the captured device had the channel."""
        self._check(channel)

    async def request(self, channel: str) -> None:
        """Check the channel; the answer, if there was one, is in the capture."""
        self._check(channel)

    async def close(self) -> None:
        """Stop playing."""
        self._inbox.end(LinkLost("closed"))
        self._player.cancel()
        await asyncio.gather(self._player, return_exceptions=True)

    def _check(self, channel: str) -> None:
        if channel not in self._channels:
            raise OperationRefused(f"the capture has nothing of {channel}")

    async def _play(self, speed: float) -> None:
        for piece in self._capture.pieces:
            if speed:
                due_s = self._began_s + piece.time_s / speed
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if not piece.sent:
                self._inbox.put(piece.data, piece.channel)
        self._inbox.end(LinkLost("end of the capture"))
