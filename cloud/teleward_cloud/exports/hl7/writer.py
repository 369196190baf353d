"""The writer of HL7 files: a message for each minute that has measurements."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from teleward_cloud.exports.hl7.oru import Address, is_expressible, message
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.record import Record, RecordKind

_NAME = "observations.hl7"
_MINUTE_NS = 60_000_000_000
_MOST = 1000
"""Values of a message; a minute of a ward's busiest bed has some 400."""


class Hl7Writer:
    """Writes messages; the records of one minute are all that it keeps."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._minute: list[Record] = []
        self.left_out: Counter[str] = Counter()

    def begin(self) -> Iterable[Part]:
        """Return nothing: a file begins with its first message."""
        return ()

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Return the messages that the next records complete."""
        messages = b"".join(self._messages(records))
        return [Part(_NAME, messages)] if messages else ()

    def finish(self) -> Iterable[Part]:
        """Return the last message."""
        if self._minute:
            yield Part(_NAME, self._message())

    def _messages(self, records: Sequence[Record]) -> Iterator[bytes]:
        for record in records:
            if record.kind is not RecordKind.MEASUREMENT:
                self.left_out[f"{record.kind.value} records: ORU^R01 holds measurements"] += 1
                continue
            if not is_expressible(record):
                self.left_out["metric without codes"] += 1
                continue
            if self._minute and (
                len(self._minute) >= _MOST
                or record.time_ns // _MINUTE_NS != self._minute[0].time_ns // _MINUTE_NS
            ):
                yield self._message()
            self._minute.append(record)

    def _message(self) -> bytes:
        records, self._minute = self._minute, []
        subject = self._scope.subject
        address = Address(from_facility=self._scope.ward)
        return message(records, address, label=subject.label, attributes=subject.attributes)


def make_writer(scope: Scope) -> Hl7Writer:
    """Return the writer of one export."""
    return Hl7Writer(scope)
