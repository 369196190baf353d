"""EDF+ and BDF+, one continuous file a stretch: European Data Format, https://www.edfplus.info.

    header     256 bytes, and 256 for each signal, ASCII
    records    samples of each signal, 16 bits (BDF+: 24), then annotations:
               +onset 14 14 00 | +onset [15 duration] 14 text 14 00 ...

Samples are the counts of the device, bit for bit; streams of int32 become BDF+. A file begins at
the nanosecond that its first annotation states. Readers show padding as samples, so nothing is
padded: where the last record would not be full, its samples are a file of their own, ``_tail``.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from teleward_cloud.exports.edf_header import Layout, header, seconds_text
from teleward_cloud.exports.marks import NOTE, Mark
from teleward_cloud.exports.signal_files import SignalWriter
from teleward_cloud.exports.stretches import Counts, Stretch
from teleward_cloud.exports.writer import Part, Scope

MOST_BYTES = 61_440
"""Of one data record, by the specification."""
TALS_PER_S = 120
"""Bytes for annotations a second of signal: six beats; what does not fit goes into the next."""
N_RECORDS_AT = 236
_NS = 1_000_000_000
_MOST_24 = 2**23 - 1
OVERFLOW = "samples beyond 24 bits, written as the limit: csv, parquet and wfdb hold them"


class EdfFile:
    """One stretch as a file, and a second one for a last record that is not full."""

    def __init__(self, writer: "EdfWriter", stretch: Stretch, name: str) -> None:
        self._writer, self._stretch, self._name = writer, stretch, name
        self._is_wide = stretch.channels[0].dtype == "int32"
        self._ending = ".bdf" if self._is_wide else ".edf"
        self.names = [name + self._ending]
        self._width = 3 if self._is_wide else 2
        self._waiting = np.empty((len(stretch.channels), 0), np.int32)
        self._marks: deque[Mark] = deque()
        self._written = self._n_records = 0
        self._layout: Layout | None = None
        if stretch.total is None:
            self._layout = self._long_layout()

    def samples(self, counts: Counts, marks: list[Mark]) -> Iterator[Part]:
        """Return the records that are full, all but the last one."""
        self._marks.extend(marks)
        self._waiting = np.concatenate((self._waiting, counts), axis=1)
        layout = self._layout
        if layout is None:
            return
        while self._waiting.shape[1] >= 2 * layout.samples:
            yield from self._record(layout)

    def end(self) -> Iterator[Part]:
        """Return the last records and the number of records."""
        n = self._waiting.shape[1]
        layout = self._layout or self._short_layout(n)
        if layout is None:
            layout = self._layout = self._long_layout()
        while self._waiting.shape[1] >= layout.samples:
            is_last = self._waiting.shape[1] == layout.samples
            if is_last and self._n_records and not self._fits(layout):
                break  # more marks than room: the last record becomes a file with room for all
            yield from self._record(layout)
        yield Part(self.names[0], f"{self._n_records:<8d}".encode(), N_RECORDS_AT)
        rest = self._waiting.shape[1]
        if rest:
            tail = Stretch(
                self._stretch.channels, self._time_ns(self._written), self._stretch.period_ns, rest
            )
            file = EdfFile(self._writer, tail, f"{self._name}_tail")
            yield from file.samples(self._waiting, list(self._marks))
            yield from file.end()
            self.names += file.names

    def _time_ns(self, position: int) -> int:
        return self._stretch.time_ns(position)

    def _long_layout(self) -> Layout:
        """Return records of about a second for a stretch whose length is not known."""
        fs = self._stretch.channels[0].fs
        seconds = next((n for n in range(1, 11) if _is_whole(fs * n)), 1)
        samples = max(1, round(fs * seconds))
        most = (MOST_BYTES - 400) // (self._width * len(self._stretch.channels))
        samples = min(samples, max(1, most))
        annotations = round(TALS_PER_S * samples / fs) + 80
        return self._layout_of(samples, annotations)

    def _short_layout(self, n: int) -> Layout | None:
        """Return one record for the whole of a short stretch, None when it is too long for one."""
        annotations = 32 + sum(len(self._tal(mark, 0)) for mark in self._marks)
        if n * self._width * len(self._stretch.channels) + annotations > MOST_BYTES:
            return None
        return self._layout_of(n, annotations)

    def _layout_of(self, samples: int, annotation_bytes: int) -> Layout:
        duration = seconds_text(samples * self._stretch.period_ns)
        room = -(-annotation_bytes // self._width) * self._width
        return Layout(samples, room, duration, self._width)

    def _record(self, layout: Layout) -> Iterator[Part]:
        """Return the next data record, behind the header where it is the first."""
        name = self.names[0]
        if not self._n_records:
            begin = self._stretch.start_ns
            yield Part(name, header(self._writer.scope, self._stretch.channels, begin, layout))
        taken, self._waiting = np.split(self._waiting, [layout.samples], axis=1)
        yield Part(name, self._bytes(taken) + self._annotations(layout))
        self._written += layout.samples
        self._n_records += 1

    def _bytes(self, counts: Counts) -> bytes:
        if not self._is_wide:
            return counts.astype("<i2").tobytes()
        beyond = int(np.count_nonzero(np.abs(counts.astype(np.int64)) > _MOST_24))
        if beyond:
            self._writer.left_out[OVERFLOW] += beyond
        limited = np.clip(counts, -_MOST_24 - 1, _MOST_24).astype("<i4")
        return limited.reshape(-1, 1).view(np.uint8)[:, :3].tobytes()

    def _origin_ns(self) -> int:
        """Return the whole second that the header states: onsets count from it."""
        return self._stretch.start_ns // _NS * _NS

    def _annotations(self, layout: Layout) -> bytes:
        """Return the annotations of the next record: its own time, then what fits of the marks."""
        begin_ns = self._stretch.start_ns - self._origin_ns()
        step_ns = int(Decimal(layout.duration) * _NS)
        texts = [b"+%s\x14\x14\x00" % _plain(begin_ns + self._n_records * step_ns)]
        room = layout.annotation_bytes - len(texts[0])
        # later marks wait for their record, so that the sizes of blocks change nothing
        end_ns = self._time_ns(self._written + layout.samples)
        while self._marks and self._marks[0].time_ns < end_ns:
            tal = self._tal(self._marks[0], self._origin_ns())
            if len(tal) > room:
                break
            texts.append(tal)
            room -= len(tal)
            self._marks.popleft()
        return b"".join(texts).ljust(layout.annotation_bytes, b"\0")

    def _fits(self, layout: Layout) -> bool:
        needed = sum(len(self._tal(mark, self._origin_ns())) for mark in self._marks)
        return needed + 32 <= layout.annotation_bytes

    def _tal(self, mark: Mark, origin_ns: int) -> bytes:
        """Return a mark as a time-stamped annotation list of one."""
        onset = _signed(mark.time_ns - origin_ns)
        if mark.until_ns is not None and mark.until_ns > mark.time_ns:
            onset += b"\x15" + _plain(mark.until_ns - mark.time_ns)
        return onset + b"\x14" + text_of(mark).encode() + b"\x14\x00"


def text_of(mark: Mark) -> str:
    """Return the text of an annotation: symbol of a beat, name of a rhythm, or a note."""
    if mark.symbol == NOTE:
        return mark.text
    return f"{mark.symbol} {mark.text}" if mark.text else mark.symbol


def _is_whole(samples: float) -> bool:
    """Return whether a number of samples is whole, but for what the crystal of a device is off."""
    return abs(samples - round(samples)) < 5e-4 * samples


def _signed(length_ns: int) -> bytes:
    return (b"-" if length_ns < 0 else b"+") + _plain(abs(length_ns))


def _plain(length_ns: int) -> bytes:
    """Return ns as seconds without needless zeros."""
    whole, rest = divmod(length_ns, _NS)
    return (f"{whole}.{rest:09d}".rstrip("0").rstrip(".")).encode()


class EdfWriter(SignalWriter):
    """Writes every stretch as EDF+, or BDF+ where its counts have 32 bits."""

    def open_file(self, stretch: Stretch, name: str) -> EdfFile:
        """Return the file of a stretch."""
        return EdfFile(self, stretch, name)


def make_writer(scope: Scope) -> EdfWriter:
    """Return the writer of EDF+ files."""
    return EdfWriter(scope)
