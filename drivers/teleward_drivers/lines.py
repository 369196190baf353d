"""Cut a byte stream into text lines; the first line after a start or a garbage is not trusted.

A line ends with LF, CR LF or CR. A line longer than the limit is dropped whole, so that a stream
without line ends (a wrong baud rate) cannot grow the buffer.
"""

from teleward_drivers.device import Discarded
from teleward_drivers.resync import Counters


class LineSplitter:
    """Bytes in, whole lines out; ``max_line`` bytes at most, ``whole`` if even the first counts."""

    def __init__(self, max_line: int, whole: bool = False) -> None:
        self._max_line = max_line
        self._buffer = bytearray()
        self._dropping = not whole
        self._dropped = 0
        self.counters = Counters()

    @property
    def pending(self) -> int:
        """How many bytes wait for more."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[str | Discarded]:
        """Take bytes and return whole lines without their ends; never raises."""
        out: list[str | Discarded] = []
        for part in data.replace(b"\r", b"\n").splitlines(keepends=True):
            self._buffer += part
            if part.endswith(b"\n"):
                self._line(out)
            elif len(self._buffer) > self._max_line:
                self._dropping = True
                self._drop(len(self._buffer))
                self._buffer.clear()
        self._flush(out)
        return out

    def reset(self) -> Discarded | None:
        """Forget a half line."""
        n_bytes = len(self._buffer)
        self._buffer.clear()
        self._dropping = True
        self.counters.bytes_discarded += n_bytes
        return Discarded(n_bytes, "line") if n_bytes else None

    def refuse(self, line: str, reason: str) -> Discarded:
        """Count a line that is not of the protocol."""
        self.counters.resyncs += 1
        self.counters.frames -= 1
        n_bytes = len(line.encode("latin-1", "replace")) + 1
        self.counters.bytes_discarded += n_bytes
        return Discarded(n_bytes, reason)

    def _line(self, out: list[str | Discarded]) -> None:
        line = bytes(self._buffer[:-1])
        size = len(self._buffer)
        self._buffer.clear()
        if self._dropping or size > self._max_line:
            self._drop(size)
            self._dropping = False
        elif line:
            self.counters.frames += 1
            self._flush(out)
            out.append(line.decode("latin-1"))

    def _flush(self, out: list[str | Discarded]) -> None:
        if self._dropped:
            out.append(Discarded(self._dropped, "line"))
            self._dropped = 0

    def _drop(self, n_bytes: int) -> None:
        self._dropped += n_bytes
        self.counters.bytes_discarded += n_bytes
