r"""HL7 v2 messages as bedside monitors send them: read with tolerance, answered by the standard.

    0B  MSH|^~\&|VENDOR^id^EUI-64|...|ORU^R01|1914|P|2.6|...  0D  OBX|...  0D  1C 0D

Monitors end segments with CR, LF or both, leave out types and units, and write their own code
systems; a message without MSH is none. The answer is an ACK with MSA (and ERR for an error), which
a sender that asks for none (MSH-15 = NE) does not get.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from teleward_signal.errors import TelewardError

START, END = b"\x0b", b"\x1c\r"
MAX_MESSAGE = 1 << 20
"""Bytes of a message; waveforms of a minute are some 200 kB."""
_ESCAPES = {"F": "|", "S": "^", "R": "~", "T": "&", "E": "\\"}
_ESCAPED = re.compile(r"\\([FSRTE])\\")
_DIGITS = re.compile(r"\d{8}(?:\d{2}){0,3}")


class Malformed(TelewardError):
    """Bytes that are no HL7 message, in a word for the counters."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its segments, cut into fields counted as the standard does."""

    segments: tuple[tuple[str, ...], ...]
    separators: str = "^~\\&"

    def fields(self, name: str) -> Iterator[tuple[str, ...]]:
        """Yield the segments called ``name``."""
        return (fields for fields in self.segments if fields[0] == name)

    def head(self, number: int) -> str:
        """Return a field of MSH, "" when it is not there."""
        return at(self.segments[0], number)

    def components(self, text: str) -> list[str]:
        """Return the components of a field, unescaped."""
        return [_unescape(part) for part in text.split(self.separators[0])]

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.head(10)

    @property
    def senders(self) -> frozenset[str]:
        """The names that MSH-3 and MSH-4 give the sender."""
        found = self.components(self.head(3)) + self.components(self.head(4))
        return frozenset(name for name in found if name)


def read(data: bytes) -> Message:
    """Read a message without its frame; raises Malformed."""
    text = _text(data).strip("\r\n")
    if not text.startswith("MSH") or len(text) < 9:
        raise Malformed("no_header")
    bar, separators = text[3], text[4:8]
    if bar.isalnum() or separators[0] in (bar, "\r", "\n"):
        raise Malformed("separators")
    segments = []
    for line in re.split(r"[\r\n]+", text):
        fields = line.split(bar)
        if fields[0] == "MSH":
            fields.insert(1, bar)  # MSH-1 is the separator itself
        if len(fields[0]) == 3:
            segments.append(tuple(field.strip() for field in fields))
    return Message(tuple(segments), separators)


def at(fields: tuple[str, ...], number: int) -> str:
    """Return a field of a segment, "" when it is not there."""
    return fields[number] if number < len(fields) else ""


def _text(data: bytes) -> str:
    """Return the text; monitors that name no character set mean Latin-1 or UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES[found[1]], text) if "\\" in text else text


def acknowledgement(message: Message | None, code: str = "AA", error: str = "") -> bytes:
    """Return the framed answer: AA taken, AE an error of its content, AR not for us.

    ``error`` is a code of HL7 table 357 and its text, such as "200^Unsupported message type".
    """
    identity = "" if message is None else message.control_id
    version = "" if message is None else message.head(12)
    event = "" if message is None else [*message.components(message.head(9)), ""][1]
    kind = f"ACK^{event}^ACK" if event else "ACK"
    lines = [
        f"MSH|^~\\&|TELEWARD||{message.head(3) if message else ''}||||{kind}|{identity or '0'}|P|"
        f"{version or '2.6'}",
        f"MSA|{code}|{identity}",
    ]
    if error:
        lines.append(f"ERR|||{error}^HL70357|E")
    return START + "\r".join(lines).encode() + b"\r" + END


def wants_answer(message: Message) -> bool:
    """Return whether the sender waits for an answer."""
    return message.head(15) != "NE"


def calendar_ns(text: str) -> int | None:
    """Return a time (YYYYMMDD[HHMM[SS]]...) as if it were UTC, ``None`` when it is none.

    Differences of two times of one monitor need no zone.
    """
    found = _DIGITS.match(text)
    if found is None:
        return None
    digits = found[0].ljust(14, "0")
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1_000_000_000


@dataclass(slots=True)
class FrameReader:
    """Cuts a stream into messages; bytes outside of frames are counted, not kept."""

    n_outside: int = 0
    _buffer: bytearray = field(default_factory=bytearray)
    _inside: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether a message has begun and not ended."""
        return self._inside

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that end in ``data``; raises Malformed for one without end."""
        self._buffer += data
        while True:
            if not self._inside:
                start = self._buffer.find(START)
                if start < 0:
                    # the end of the last frame's end may come in a piece of its own
                    self.n_outside += len(self._buffer.strip(b"\r\n"))
                    self._buffer.clear()
                    return
                self.n_outside += len(self._buffer[:start].strip(b"\r\n"))
                del self._buffer[: start + 1]
                self._inside = True
            end = self._buffer.find(END[:1])
            again = self._buffer.find(START, 0, end if end >= 0 else len(self._buffer))
            if again >= 0:  # a new message begins: the one before was cut off
                self.n_outside += again
                del self._buffer[: again + 1]
                continue
            if end < 0:
                if len(self._buffer) > MAX_MESSAGE:
                    self._inside = False
                    self._buffer.clear()
                    raise Malformed("too_long")
                return
            message = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._inside = False
            yield message
