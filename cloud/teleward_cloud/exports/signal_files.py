"""A writer of signal formats: one file a stretch, and tables of files, gaps and marks beside them.

files.csv         every file: its signals, begin, end, rate and number of samples
gaps.csv          every hole between two stretches of a signal, to the nanosecond
annotations.csv   every mark, also those outside of any stretch, with their evidence
alarms.csv        every change of an alarm
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from teleward_cloud.exports.csv_tables import CsvWriter, csv_line
from teleward_cloud.exports.marks import Mark, Marks, mark_of
from teleward_cloud.exports.stretches import Channel, Counts, Splitter, Stretch
from teleward_cloud.exports.times import compact, iso_ns
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.errors import Invalid
from teleward_signal.record import Record, RecordKind

_BESIDE = (RecordKind.ANNOTATION, RecordKind.ALARM)
FILES = ("file", "device", "signals", "start", "end", "fs", "samples")
GAPS = ("metric", "device", "kind", "from", "to", "seconds", "samples")
_NS = 1_000_000_000
Row = tuple[str, ...]


class SignalFile(Protocol):
    """One file of samples that grows."""

    names: list[str]

    def samples(self, counts: Counts, marks: list[Mark]) -> Iterable[Part]:
        """Return the bytes of the next samples, shape (n_channels, n), and of the marks in them."""
        ...

    def end(self) -> Iterable[Part]:
        """Return the rest, and headers that are known only now."""
        ...


class SignalWriter:
    """Writes stretches as files that ``_open`` of a format begins."""

    def __init__(self, scope: Scope) -> None:
        if not scope.waves:
            raise Invalid("this format holds waveforms: leave --no-waves out, or use csv or fhir")
        self.scope = scope
        self.left_out: Counter[str] = Counter()
        self._splitter = Splitter(self)
        self._marks = Marks()
        self._beside = CsvWriter(scope)
        self._open_files: dict[int, SignalFile] = {}
        self._used: Counter[str] = Counter()
        self._parts: list[Part] = []
        # sorted at the end, so that neither batches nor sizes of blocks change their order
        self._files: list[tuple[int, Row]] = []
        self._gaps: list[tuple[int, Row]] = []

    def open_file(self, stretch: Stretch, name: str) -> SignalFile:
        """Return a file of this format for a stretch; ``name`` without its ending."""
        raise NotImplementedError

    # Writer

    def begin(self) -> Iterable[Part]:
        """Return the heads of the tables."""
        yield Part("files.csv", csv_line(FILES))
        yield Part("gaps.csv", csv_line(GAPS))

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Take records; return what can be written of them."""
        for record in records:
            if record.kind is RecordKind.WAVEFORM:
                if not self._splitter.take(record):
                    self.left_out["waveforms without a rate or samples"] += 1
            elif (mark := mark_of(record)) is not None:
                self._marks.add(mark)
        beside = [record for record in records if record.kind in _BESIDE]
        self._parts += self._beside.write(beside)
        if records:
            now_ns = records[-1].time_ns
            self._splitter.advance(now_ns)
            self._marks.forget(self._splitter.pending_ns(now_ns))
        return self._taken()

    def finish(self) -> Iterable[Part]:
        """Return the rest."""
        self._splitter.finish()
        for name, rows in (("files.csv", self._files), ("gaps.csv", self._gaps)):
            rows.sort()
            self._parts += [Part(name, csv_line(row)) for _, row in rows]
        return self._taken()

    def names(self) -> list[str]:
        """Return the names of all files, in order of time."""
        return [row[0] for _, row in self._files]

    def _taken(self) -> list[Part]:
        parts, self._parts = self._parts, []
        return parts

    # StretchWriter

    def begin_stretch(self, stretch: Stretch) -> None:
        """Begin a file."""
        file = self.open_file(stretch, self._name(stretch))
        self._open_files[id(stretch)] = file

    def samples(self, stretch: Stretch, counts: Counts) -> None:
        """Write samples with the marks beside them."""
        start_ns = stretch.time_ns(stretch.done)
        end_ns = stretch.time_ns(stretch.done + counts.shape[1])
        marks = list(self._marks.within(stretch, start_ns, end_ns))
        self._parts += self._open_files[id(stretch)].samples(counts, marks)

    def end(self, stretch: Stretch) -> None:
        """Finish a file and list it."""
        file = self._open_files.pop(id(stretch))
        self._parts += file.end()
        signals = " ".join(channel.metric for channel in stretch.channels)
        row = (
            " ".join(file.names), stretch.channels[0].device or "", signals,
            iso_ns(stretch.start_ns), iso_ns(stretch.time_ns(stretch.done)),
            repr(_NS / stretch.period_ns), str(stretch.done),
        )  # fmt: skip
        self._files.append((stretch.start_ns, row))

    def gap(self, channel: Channel, from_ns: int, to_ns: int) -> None:
        """List a hole."""
        kind = "gap" if to_ns > from_ns else "clock set back"
        seconds = (to_ns - from_ns) / _NS
        row = (
            channel.metric, channel.device or "", kind, iso_ns(from_ns), iso_ns(to_ns),
            repr(seconds), str(round(seconds * channel.fs)),
        )  # fmt: skip
        self._gaps.append((min(from_ns, to_ns), row))

    def _name(self, stretch: Stretch) -> str:
        """Return a name for the file of a stretch, of letters, digits and underscores."""
        channels = stretch.channels
        metrics = "_".join(channel.metric for channel in channels)
        signals = metrics if len(metrics) <= 40 else f"{len(channels)}_signals"
        words = (compact(stretch.start_ns).replace(".", "_"), channels[0].device or "", signals)
        name = "_".join(filter(None, words))
        name = "".join(letter if letter.isalnum() else "_" for letter in name)
        self._used[name] += 1
        return name if self._used[name] == 1 else f"{name}_{self._used[name]}"
