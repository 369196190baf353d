"""Annotations in MIT format: https://physionet.org/physiotools/wag/annot-5.htm.

    two bytes    bits 0-9 time since the last, bits 10-15 code
    59 SKIP      then four bytes: a longer time, high word first
    63 AUX       then a text of so many bytes, filled to an even number

Times count samples where every mark lies on one; where a mark lies between two, the file states a
resolution of its own in its first note, ``## time resolution: N``, as WFDB's library does.
"""

import struct
from array import array

from teleward_cloud.exports.marks import NOTE, Mark
from teleward_cloud.exports.stretches import Stretch

SYMBOLS = (
    " ", "N", "L", "R", "a", "V", "F", "J", "A", "S", "E", "j", "/", "Q", "~", "", "|", "",
    "s", "T", "*", "D", '"', "=", "p", "B", "^", "t", "+", "u", "?", "!", "[", "]", "e", "n",
    "@", "x", "f", "(", ")", "r",
)  # fmt: skip
CODES = {symbol: code for code, symbol in enumerate(SYMBOLS) if symbol.strip()}
SKIP, AUX = 59, 63
MOST_AUX = 255
RESOLUTION = 10_000
"""Steps a second where samples are too coarse."""
NEAR_NS = 500_000
"""A mark so near to a sample is on it."""
RESOLVED = "## time resolution: {}"
_NS = 1_000_000_000


class AnnotationFile:
    """Gathers the annotations of one record, nine bytes each and the texts of some."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch
        self._times = array("q")
        self._codes = bytearray()
        self._texts: dict[int, str] = {}
        self._is_coarse = True

    def add(self, mark: Mark) -> None:
        """Take the next mark, in order of time."""
        since_ns = mark.time_ns - self._stretch.start_ns
        nearest = round(since_ns / self._stretch.period_ns)
        if abs(since_ns - nearest * self._stretch.period_ns) > NEAR_NS:
            self._is_coarse = False
        text = mark.text if mark.symbol in CODES else f"{mark.symbol} {mark.text}"
        if text:
            self._texts[len(self._codes)] = text
        self._times.append(since_ns)
        self._codes.append(CODES.get(mark.symbol, CODES[NOTE]))

    def packed(self) -> bytes:
        """Return the bytes of the file, none without any mark."""
        if not self._codes:
            return b""
        parts: list[bytes] = []
        if self._is_coarse:
            step_ns = self._stretch.period_ns
        else:
            step_ns = _NS / RESOLUTION
            parts += [_word(CODES[NOTE], 0), _aux(RESOLVED.format(RESOLUTION))]
        last = 0
        for place, code in enumerate(self._codes):
            at = round(self._times[place] / step_ns)
            parts.append(_timed(code, at - last))
            last = at
            if (text := self._texts.get(place)) is not None:
                parts.append(_aux(text))
        return b"".join((*parts, b"\0\0"))


def _timed(code: int, steps: int) -> bytes:
    if 0 <= steps < 1024:
        return _word(code, steps)
    return _word(SKIP, 0) + struct.pack("<hH", steps >> 16, steps & 0xFFFF) + _word(code, 0)


def _aux(text: str) -> bytes:
    data = text.encode()[:MOST_AUX]
    return _word(AUX, len(data)) + data + b"\0" * (len(data) % 2)


def _word(code: int, value: int) -> bytes:
    return struct.pack("<H", code << 10 | value)
