"""Find frames in a byte stream that may start, break or resume anywhere.

    garbage | frame | frame | broken fr | frame ...
    ^^^^^^^                   ^^^^^^^^^          skipped a byte at a time, counted, reported

A protocol gives a `Probe` that looks at the bytes from one place on; everything else, including
recovery, is here and the same for every protocol:

- on failure exactly ONE byte is skipped and the search goes on, so a corrupt length never
  swallows the good frames behind it;
- the buffer never holds more than ``max_frame`` bytes between two calls;
- the frames, and the number of bytes skipped, do not depend on how the stream was cut.
"""

from collections.abc import Callable
from dataclasses import dataclass

from teleward_drivers.device import Discarded

Probe = Callable[[bytearray, int], "int | str"]
"""``probe(buffer, at)`` classifies the bytes at ``buffer[at]``: the length of a whole, valid frame;
0 when more bytes are needed; or the reason why no frame starts here."""


@dataclass(slots=True)
class Counters:
    """What a decoder saw since it was made."""

    frames: int = 0
    checksum_errors: int = 0
    resyncs: int = 0
    bytes_discarded: int = 0
    gaps: int = 0
    lost: int = 0
    """Frames or samples known to be missing, by the device's own count."""


class Resynchroniser:
    """Cut a byte stream into frames with a protocol's `Probe`.

    ``sync`` is the constant first bytes of a frame (empty when there are none), ``max_frame`` the
    greatest number of bytes for which the probe may ask.
    """

    def __init__(self, probe: Probe, max_frame: int, sync: bytes = b"") -> None:
        self._probe = probe
        self._max_frame = max_frame
        self._sync = sync
        self._buffer = bytearray()
        self._skipped = 0
        self._reason = ""
        self._lost = False
        self.counters = Counters()

    @property
    def pending(self) -> int:
        """How many bytes wait for more."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | Discarded]:
        """Take bytes and return whole frames and what was skipped, in order; never raises."""
        buffer, out, at = self._buffer, list[bytes | Discarded](), 0
        buffer += data
        while at < len(buffer):
            verdict = self._look(at)
            if verdict == 0:
                break
            if isinstance(verdict, int):
                self._flush(out)
                out.append(bytes(buffer[at : at + verdict]))
                self.counters.frames += 1
                self._lost = False
                at += verdict
            else:
                at += self._skip(at, verdict)
        del buffer[:at]
        self._flush(out)
        return out

    def reset(self) -> Discarded | None:
        """Forget the bytes that wait, after a silence or a reconnect, and report them."""
        n_bytes = len(self._buffer)
        self._buffer.clear()
        self.counters.bytes_discarded += n_bytes
        return Discarded(n_bytes, "resync") if n_bytes else None

    def _look(self, at: int) -> int | str:
        sync = self._sync
        if sync:
            head = self._buffer[at : at + len(sync)]
            if head != sync:
                return 0 if sync.startswith(head) else "resync"
        verdict = self._probe(self._buffer, at)
        if verdict == 0 and len(self._buffer) - at >= self._max_frame:
            return "length"
        return verdict

    def _skip(self, at: int, reason: str) -> int:
        step = 1
        if self._sync:
            # nothing can start before the next first sync byte
            found = self._buffer.find(self._sync[:1], at + 1)
            step = (found if found >= 0 else len(self._buffer)) - at
        if not self._lost:
            self._lost = True
            self.counters.resyncs += 1
        if reason == "checksum":
            self.counters.checksum_errors += 1
        if not self._skipped or reason == "checksum":
            self._reason = reason
        self._skipped += step
        self.counters.bytes_discarded += step
        return step

    def _flush(self, out: list[bytes | Discarded]) -> None:
        if self._skipped:
            out.append(Discarded(self._skipped, self._reason))
            self._skipped = 0
