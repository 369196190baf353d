"""Record Access Control Point 0x2A52: ask a device for its stored records.

    request   | op u8 | operator u8 | operands |      op: 1 report, 2 delete, 3 abort, 4 count
                operator: 0 none, 1 all, 2 up to, 3 from, 4 between, 5 first, 6 last
                operands: filter u8 (1 sequence number, 2 time), value(s)
    response  | 05 | 00 | count u16 |                 answer to a count
              | 06 | 00 | op of the request | result |    1 done, 6 none found, others: refused

We report and never delete: op 2 is sent only by a driver with the option ``erase_after_reading``.
Source: Bluetooth SIG, Glucose Service 1.0.1 (RACP) and GSS. The client's timeout is 30 s.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from teleward_drivers.device import Checkpoint, Discarded, LastRecord, Output, Subscribe, Write
from teleward_drivers.fields import Fields
from teleward_drivers.gatt import Part, uuid16
from teleward_drivers.link import Received
from teleward_drivers.recent import RecentSet

CHANNEL = uuid16(0x2A52)
TIMEOUT_NS = 30_000_000_000
RecordKey = tuple[int, int | None]
"""Number and calendar stamp: a device that was reset uses its numbers again, at other times."""
Arrival = tuple[int, int | None, bytes]
"""A record as it came: two with one number and no date differ in their bytes only."""


class Op(IntEnum):
    """What is asked or answered."""

    REPORT = 1
    DELETE = 2
    ABORT = 3
    COUNT = 4
    COUNT_RESPONSE = 5
    RESPONSE = 6


class Operator(IntEnum):
    """Which records."""

    NONE = 0
    ALL = 1
    UP_TO = 2
    FROM = 3
    BETWEEN = 4
    FIRST = 5
    LAST = 6


class Result(IntEnum):
    """The end of a request."""

    DONE = 1
    NOT_SUPPORTED = 2
    BAD_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    BAD_OPERAND = 5
    NONE_FOUND = 6
    ABORT_FAILED = 7
    NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


@dataclass(frozen=True, slots=True)
class RacpMessage:
    """One request or response; ``operand`` as the op defines it."""

    op: int
    operator: int = Operator.NONE
    operand: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> "RacpMessage":
        """Decode a value."""
        fields = Fields(data)
        return cls(fields.uint(1), fields.uint(1), fields.rest())

    def __bytes__(self) -> bytes:
        return bytes([self.op, self.operator]) + self.operand


def report_all() -> RacpMessage:
    """Ask for every record."""
    return RacpMessage(Op.REPORT, Operator.ALL)


def report_from(sequence: int) -> RacpMessage:
    """Ask for the records from sequence number ``sequence`` on."""
    return RacpMessage(Op.REPORT, Operator.FROM, b"\x01" + sequence.to_bytes(2, "little"))


def count(begun: RecordKey | None) -> RacpMessage:
    """Ask how many records there are, from ``begun`` on if it is given."""
    if begun is None:
        return RacpMessage(Op.COUNT, Operator.ALL)
    return RacpMessage(Op.COUNT, Operator.FROM, b"\x01" + begun[0].to_bytes(2, "little"))


def delete_up_to(sequence: int) -> RacpMessage:
    """Erase the records up to sequence number ``sequence``."""
    return RacpMessage(Op.DELETE, Operator.UP_TO, b"\x01" + sequence.to_bytes(2, "little"))


def count_response(count: int) -> RacpMessage:
    """Answer a count (for simulated devices)."""
    return RacpMessage(Op.COUNT_RESPONSE, Operator.NONE, count.to_bytes(2, "little"))


def response(op: int, result: Result = Result.DONE) -> RacpMessage:
    """Answer a request (for simulated devices)."""
    return RacpMessage(Op.RESPONSE, Operator.NONE, bytes([op, result]))


class RecordAccess(Part):
    """Read the stored records after connecting; add it after the parts that receive them.

    A part calls `took` for each record and `lost` for one that it could not decode. A refusal, or
    a silence of 30 s since the last record, ends the reading and is reported.

    ``numbered`` devices can be asked from a record on: after `resume` the reading begins with the
    last record that is on record already. When another one comes in its place the device was
    reset, and everything is read. ``again_s`` repeats the question, for devices that report a new
    reading only when asked.

    Nothing is erased unless ``erase`` is set, and then only when the device counted as many
    records as arrived and all of them are on disk; numbered devices erase up to the last of them.
    With ``ask`` unset nothing is asked. ``when_read`` is called at the end of each report with
    whether it was complete.
    """

    def __init__(
        self,
        erase: bool = False,
        ask: bool = True,
        numbered: bool = False,
        again_s: float | None = None,
    ) -> None:
        super().__init__()
        self._erase = erase
        self._wanted = ask
        self._numbered = numbered
        self._again_ns = None if again_s is None else int(again_s * 1e9)
        self._last: RecordKey | None = None
        self._from: RecordKey | None = None
        self._known = RecentSet()
        self._arrived: set[Arrival] = set()
        self._newest: RecordKey | None = None
        self._incomplete = False
        self._asked: RacpMessage | None = None
        self._answered = False
        self.when_read: Callable[[bool], Iterable[Output]] = lambda whole: ()
        self._received_ns = 0
        self._now_ns = 0
        self.handlers = {CHANNEL: self._answer}

    @property
    def reading(self) -> bool:
        """Whether what arrives now is the answer to a request for records."""
        return self._asked is not None and self._asked.op == Op.REPORT

    def resume(self, last: LastRecord) -> None:
        """Read from this record on, if the device can."""
        if self._numbered:
            self._last = (last.record, last.calendar_ns)

    def start(self, now_ns: int) -> Iterable[Output]:
        """Subscribe and ask for the records."""
        self._now_ns = now_ns
        if not self._wanted:
            return
        yield Subscribe(CHANNEL, optional=True)
        yield self._ask_records()

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Give up a request that is not answered; ask again when it is time."""
        self._now_ns = now_ns
        quiet_ns = now_ns - self._received_ns
        if self._asked is not None and quiet_ns >= TIMEOUT_NS:
            was_reading, self._asked = self.reading, None
            if was_reading:
                yield from self.when_read(False)
            yield Discarded(0, "record_access_timeout")
        elif self._asked is None and self._wanted and self._is_due(quiet_ns):
            yield self._ask_records()

    def took(self, record: int, calendar_ns: int | None, data: bytes, time_ns: int) -> bool:
        """Note a record, ``data``, that arrived at ``time_ns``; return whether it is new."""
        self._received_ns = time_ns
        arrival = (record, calendar_ns, data)
        if self.reading:
            self._arrived.add(arrival)
        on_record = calendar_ns is not None and (record, calendar_ns) == self._last
        fresh = arrival not in self._known and not on_record
        self._known.add(arrival)
        return fresh

    def note_newest(self, record: int, calendar_ns: int | None) -> None:
        """Note which record of this report is the newest: the next question begins there."""
        self._newest = (record, calendar_ns)

    def lost(self) -> None:
        """Note a record that could not be read: the memory must not be erased."""
        self._incomplete = True

    def recorded(self) -> Iterable[Output]:
        """Erase what is on disk now."""
        if self._erase and self._arrived and self._asked is None:
            highest = max(record for record, _, _ in self._arrived)
            self._arrived.clear()
            yield self._ask(
                delete_up_to(highest) if self._numbered else RacpMessage(Op.DELETE, Operator.ALL)
            )

    def _is_due(self, quiet_ns: int) -> bool:
        if self._again_ns is None or not self._answered:
            return False
        return quiet_ns >= self._again_ns

    def _ask_records(self, everything: bool = False) -> Write:
        self._arrived.clear()
        self._newest = None
        self._incomplete = False
        self._from = None if everything else self._last
        return self._ask(report_all() if self._from is None else report_from(self._from[0]))

    def _ask(self, request: RacpMessage) -> Write:
        self._asked = request
        self._received_ns = self._now_ns
        return Write(bytes(request), CHANNEL, response=True, optional=True)

    def _answer(self, received: Received) -> Iterable[Output]:
        self._now_ns = self._received_ns = received.time_ns
        message = RacpMessage.from_bytes(received.data)
        asked, self._asked, self._answered = self._asked, None, True
        if message.op == Op.COUNT_RESPONSE and len(message.operand) == 2:
            if self._is_whole(int.from_bytes(message.operand, "little")):
                yield Checkpoint()
        elif message.op != Op.RESPONSE or len(message.operand) != 2:
            self._asked = asked
        elif message.operand[0] == Op.REPORT:
            yield from self._reported(message.operand[1])
        elif message.operand[1] not in (Result.DONE, Result.NONE_FOUND):
            yield Discarded(0, f"record_access_refused_{message.operand[1]}")

    def _reported(self, result: int) -> Iterable[Output]:
        begun, self._from = self._from, None
        if begun is not None and (result != Result.DONE or not self._has_arrived(begun)):
            self._last = None  # reset, erased, or it cannot be asked from a record on
            yield self._ask_records(everything=True)
            return
        yield from self.when_read(result == Result.DONE)
        if result not in (Result.DONE, Result.NONE_FOUND):
            yield Discarded(0, f"record_access_refused_{result}")
            return
        if self._arrived and self._numbered:
            highest = max(self._arrived, key=lambda arrival: (arrival[0], arrival[1] or 0))
            self._last = self._newest or begun or highest[:2]
        if self._erase and self._arrived and not self._incomplete:
            yield self._ask(count(begun))

    def _has_arrived(self, key: RecordKey) -> bool:
        return any(arrival[:2] == key for arrival in self._arrived)

    def _is_whole(self, counted: int) -> bool:
        return not self._incomplete and counted == len(self._arrived)
