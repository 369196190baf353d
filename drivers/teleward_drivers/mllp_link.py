"""Monitors that connect to this gateway: one listening port, and a `Link` for each sender.

    monitor A --+                             +--> MllpLink mllp://0.0.0.0:2575/VS900-A?allow=...
    monitor B --+--> Door 0.0.0.0:2575 -------+--> MllpLink mllp://0.0.0.0:2575/10.0.0.7?allow=...

A message goes to the link whose sender is its MSH-3 or MSH-4, or the address it came from; to the
link without a sender if there is no other. MLLP has no login: the port listens on loopback, and
elsewhere only for the addresses that ``allow`` names. ``mllps://`` adds TLS.

Bounds: 64 connections, a megabyte a message, 30 s for the rest of a message, 10 min of silence.
"""

import asyncio
import contextlib
import ipaddress
import logging
import ssl
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from teleward_drivers.errors import LinkLost, LinkUnavailable, Unavailable
from teleward_drivers.inbox import Inbox
from teleward_drivers.link import Received
from teleward_drivers.wired.hl7_message import (
    END,
    START,
    FrameReader,
    Malformed,
    acknowledgement,
    read,
)
from teleward_signal.errors import Invalid

_MOST_CONNECTIONS = 64
_REST_S = 30.0
_IDLE_S = 600.0
_READ_SIZE = 65536

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MllpAddress:
    """Where to listen, for whom, and by which certificate."""

    host: str
    port: int
    sender: str = ""
    allow: frozenset[str] = frozenset()
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def of(cls, text: str) -> "MllpAddress":
        """Read ``mllp://host:port[/sender][?allow=address,...]``; raises Invalid."""
        form = "write mllp://HOST:PORT/SENDER?allow=ADDRESS,ADDRESS"
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
            query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        except ValueError:
            raise Invalid(form) from None
        if parts.scheme not in ("mllp", "mllps") or not host or not port:
            raise Invalid(form)
        if set(query) - {"allow", "certificate", "key"}:
            raise Invalid(form)
        allow = frozenset(",".join(query.get("allow", [])).split(",")) - {""}
        for address in (*allow, host):
            if not _is_address(address):
                raise Invalid(f"{address!r} is no IP address: {form}")
        if not ipaddress.ip_address(host).is_loopback and not allow:
            raise Invalid(f"name the monitors that may send to {host}: ?allow=ADDRESS,ADDRESS")
        certificate, key = (query.get(name, [None])[0] for name in ("certificate", "key"))
        if (parts.scheme == "mllps") != bool(certificate and key):
            raise Invalid("mllps:// goes with ?certificate=FILE&key=FILE")
        return cls(host, port, parts.path.strip("/"), allow, certificate, key)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class MllpLink:
    """One sender at a listening port; made by `open`."""

    def __init__(self, address: MllpAddress, door: "Door") -> None:
        self.address = address
        self.inbox = Inbox()
        self._door = door

    @classmethod
    async def open(cls, port: str) -> "MllpLink":
        """Listen for a sender; raises LinkUnavailable when the port is taken, or the sender is."""
        try:
            address = MllpAddress.of(port)
        except Invalid as error:
            raise LinkUnavailable(f"{port}: {error}", Unavailable.UNSUPPORTED) from error
        return await Door.enter(address)

    @property
    def n_overflowed(self) -> int:
        """Pieces thrown away because nobody read."""
        return self.inbox.n_overflowed

    def channels(self) -> frozenset[str]:
        """Return nothing: a channel is a connection of the monitor."""
        return frozenset()

    async def read(self) -> Received:
        """Wait for the next message, with its frame."""
        return await self.inbox.get()

    async def write(self, data: bytes, channel: str = "", response: bool = True) -> None:
        """Answer on the connection that a message came by; one that is gone needs no answer."""
        await self._door.answer(channel, data)

    async def subscribe(self, channel: str) -> None:
        """Do nothing: every message is read."""

    async def request(self, channel: str) -> None:
        """Do nothing: a monitor sends by itself."""

    async def close(self) -> None:
        """Stop listening for this sender; idempotent."""
        self.inbox.end(LinkLost("closed"))
        await self._door.leave(self)


@dataclass(slots=True)
class Door:
    """A listening port and the links behind it."""

    key: tuple[str, int]
    links: dict[str, MllpLink] = field(default_factory=dict)
    writers: dict[str, asyncio.StreamWriter] = field(default_factory=dict)
    server: asyncio.Server | None = None
    strangers: set[str] = field(default_factory=set)
    count: int = 0
    doors: ClassVar[dict[tuple[str, int], "Door"]] = {}

    @classmethod
    async def enter(cls, address: MllpAddress) -> MllpLink:
        """Add a link; the first opens the port."""
        key = address.host, address.port
        door = cls.doors.get(key)
        place = f"{address.host}:{address.port}"
        if door is None:
            door = cls.doors[key] = cls(key)
            try:
                door.server = await asyncio.start_server(
                    door._serve, *key, ssl=_context(address), limit=_READ_SIZE
                )
            except (OSError, ssl.SSLError) as error:
                del cls.doors[key]
                why = f"{place}: {error.strerror or error}"
                raise LinkUnavailable(why, Unavailable.IN_USE) from error
        if address.sender in door.links:
            who = address.sender or "every sender"
            raise LinkUnavailable(f"{place} has a device for {who}", Unavailable.IN_USE)
        link = door.links[address.sender] = MllpLink(address, door)
        return link

    async def leave(self, link: MllpLink) -> None:
        """Remove a link; the last closes the port."""
        if self.links.get(link.address.sender) is not link:
            return
        del self.links[link.address.sender]
        if self.links:
            return
        self.doors.pop(self.key, None)
        if self.server is not None:
            self.server.close()
        for writer in [*self.writers.values()]:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def answer(self, channel: str, data: bytes) -> None:
        """Send an answer on a connection."""
        writer = self.writers.get(channel)
        if writer is not None:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_REST_S):
                    writer.write(data)
                    await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the messages of one connection."""
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        if not self._admits(peer) or len(self.writers) >= _MOST_CONNECTIONS:
            self._note(f"{peer} may not send here: name it in allow")
            writer.transport.abort()
            return
        self.count += 1
        channel = f"connection-{self.count}"
        self.writers[channel] = writer
        frames = FrameReader()
        try:
            while True:
                async with asyncio.timeout(_REST_S if frames.is_open else _IDLE_S):
                    data = await reader.read(_READ_SIZE)
                if not data:
                    return
                for content in frames.feed(data):
                    await self._route(content, peer, channel)
        except Malformed:
            await self.answer(channel, acknowledgement(None, "AR", "207^Application error"))
        except (OSError, TimeoutError):
            pass
        finally:
            self.writers.pop(channel, None)
            writer.close()

    async def _route(self, content: bytes, peer: str, channel: str) -> None:
        """Hand a message to the link of its sender, or answer that nobody wants it."""
        try:
            message = read(content)
            names = message.senders | {peer}
        except Malformed:
            message, names = None, frozenset({peer})
        link = next((self.links[name] for name in names if name in self.links), self.links.get(""))
        if link is not None:
            link.inbox.put(START + content + END, channel)
            return
        shown = ", ".join(sorted(names))
        self._note(f"no device for the sender {shown}: add one with this port and one of its names")
        await self.answer(channel, acknowledgement(message, "AR", "204^Unknown key identifier"))

    def _admits(self, peer: str) -> bool:
        allowed = {address for link in self.links.values() for address in link.address.allow}
        if _is_address(peer) and ipaddress.ip_address(peer).is_loopback:
            return True
        return peer in allowed

    def _note(self, text: str) -> None:
        """Log each stranger once."""
        if text not in self.strangers and len(self.strangers) < _MOST_CONNECTIONS:
            self.strangers.add(text)
            log.warning("port %d: %s", self.key[1], text)


def _context(address: MllpAddress) -> ssl.SSLContext | None:
    if address.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(address.certificate, address.key)
    return context
