"""MLLP, the minimal lower layer protocol of HL7: messages over TCP, and their acknowledgements.

0B  message, segments end with 0D  1C 0D
"""

import asyncio
import ssl
from dataclasses import dataclass

from teleward_cloud.exports.hl7.segments import unescape
from teleward_signal.errors import TelewardError

START, END = b"\x0b", b"\x1c\r"
MOST_BYTES = 1 << 20
"""Of an acknowledgement: one is a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """MSA of an answer: AA, AE, AR (application) or CA, CE, CR (commit), and the text with it."""

    code: str
    control_id: str
    text: str = ""


class MllpError(TelewardError):
    """A connection that cannot be used any more."""


class MllpConnection:
    """One connection to a listener; a message is sent once the former is answered."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def is_open(self) -> bool:
        """Return whether there is a connection."""
        return self._streams is not None

    async def send(self, message: bytes, control_id: str, timeout_s: float) -> Acknowledgement:
        """Send a message and return its answer; answers to earlier messages are passed over.

        Raises OSError, TimeoutError or MllpError; the connection is closed then.
        """
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = self._streams or await self._connect()
                writer.write(START + message + END)
                await writer.drain()
                while True:
                    found = acknowledgement(await _frame(reader))
                    if found.control_id in ("", control_id):
                        return found
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection; idempotent."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            try:
                async with asyncio.timeout(1.0):
                    await streams[1].wait_closed()
            except (OSError, TimeoutError, ssl.SSLError):
                streams[1].transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection(
            self._host, self._port, ssl=self._tls, limit=MOST_BYTES
        )
        return self._streams


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next message without its frame; raises MllpError."""
    try:
        await reader.readuntil(START)
        found = await reader.readuntil(b"\x1c")
    except asyncio.IncompleteReadError as error:
        raise MllpError("the listener closed the connection") from error
    except asyncio.LimitOverrunError as error:
        raise MllpError("an answer without end: this is no HL7 listener") from error
    return found[:-1]


def acknowledgement(answer: bytes) -> Acknowledgement:
    """Read an answer; raises MllpError if it acknowledges nothing."""
    for line in answer.decode("utf-8", "replace").replace("\n", "\r").split("\r"):
        fields = line.split("|")
        if fields[0] == "MSA" and len(fields) > 1:
            control_id = fields[2] if len(fields) > 2 else ""
            text = unescape(fields[3]) if len(fields) > 3 else ""
            return Acknowledgement(fields[1].strip().upper(), control_id.strip(), text)
    raise MllpError("the answer has no MSA segment: this is no HL7 listener")
