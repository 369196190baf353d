"""What the decoders of a stream share: bytes in any pieces in, frames and skipped bytes out."""

from collections.abc import Callable
from typing import Generic, TypeVar

from teleward_drivers.device import Discarded
from teleward_drivers.lines import LineSplitter
from teleward_drivers.resync import Counters, Resynchroniser

Cutter = TypeVar("Cutter", Resynchroniser, LineSplitter)
Frame = TypeVar("Frame")


class StreamDecoder(Generic[Cutter]):
    """A decoder whose frames are cut out of the stream by ``stream``."""

    def __init__(self, stream: Cutter) -> None:
        self._stream: Cutter = stream

    @property
    def counters(self) -> Counters:
        """What was seen so far."""
        return self._stream.counters

    @property
    def pending(self) -> int:
        """How many bytes wait for more."""
        return self._stream.pending


class FrameByFrame(StreamDecoder[Resynchroniser], Generic[Frame]):
    """A stateless decoder: ``decode`` takes one frame's bytes."""

    def __init__(self, stream: Resynchroniser, decode: Callable[[bytes], Frame]) -> None:
        super().__init__(stream)
        self._decode = decode

    def feed(self, data: bytes) -> list[Frame | Discarded]:
        """Take bytes in any pieces; never raises."""
        return [
            piece if isinstance(piece, Discarded) else self._decode(piece)
            for piece in self._stream.feed(data)
        ]
