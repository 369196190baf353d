"""Record Access Control Point 0x2A52: ask a device for its stored records.

    request   | op u8 | operator u8 | operands |      op: 1 report, 2 delete, 3 abort, 4 count
                operator: 0 none, 1 all, 2 up to, 3 from, 4 between, 5 first, 6 last
                operands: filter u8 (1 sequence number, 2 time), value(s)
    response  | 05 | 00 | count u16 |                 answer to a count
              | 06 | 00 | op of the request | result |    1 done, 6 none found, others: refused

We report and never delete: op 2 is sent only by a driver with the option ``erase_after_reading``.
Source: Bluetooth SIG, Glucose Service 1.0.1 (RACP) and GSS. The client's timeout is 30 s.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from teleward_drivers.device import Discarded, Output, Subscribe, Write
from teleward_drivers.fields import Fields
from teleward_drivers.gatt import Part, uuid16
from teleward_drivers.link import Received

CHANNEL = uuid16(0x2A52)
TIMEOUT_NS = 30_000_000_000


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


def count_response(count: int) -> RacpMessage:
    """Answer a count (for simulated devices)."""
    return RacpMessage(Op.COUNT_RESPONSE, Operator.NONE, count.to_bytes(2, "little"))


def response(op: int, result: Result = Result.DONE) -> RacpMessage:
    """Answer a request (for simulated devices)."""
    return RacpMessage(Op.RESPONSE, Operator.NONE, bytes([op, result]))


class RecordAccess(Part):
    """Read the stored records once after connecting; add it after the parts that receive them.

    A refusal or a silence of 30 s ends the reading and is reported; it never erases unless
    ``erase`` is set, and then only after the device said that the report was complete. With
    ``ask`` unset it asks for nothing.
    """

    def __init__(self, erase: bool = False, ask: bool = True) -> None:
        super().__init__()
        self._erase = erase
        self._wanted = ask
        self._asked_ns: int | None = None
        self._now_ns = 0
        self.reading = False
        self.handlers = {CHANNEL: self._answer}

    def start(self, now_ns: int) -> Iterable[Output]:
        """Subscribe and ask for all records."""
        self._now_ns = now_ns
        if not self._wanted:
            return
        yield Subscribe(CHANNEL, optional=True)
        yield self._ask(report_all())

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Give a request up that was never answered."""
        self._now_ns = now_ns
        if self._asked_ns is not None and now_ns - self._asked_ns >= TIMEOUT_NS:
            self._asked_ns = None
            self.reading = False
            yield Discarded(0, "record_access_timeout")

    def _ask(self, request: RacpMessage) -> Write:
        self._asked_ns = self._now_ns
        self.reading = request.op == Op.REPORT
        return Write(bytes(request), CHANNEL, response=True, optional=True)

    def _answer(self, received: Received) -> Iterable[Output]:
        message = RacpMessage.from_bytes(received.data)
        if message.op != Op.RESPONSE or len(message.operand) != 2:
            return
        asked, result = message.operand
        self._asked_ns = None
        self.reading = False
        if result not in (Result.DONE, Result.NONE_FOUND):
            yield Discarded(0, f"record_access_refused_{result}")
        elif self._erase and asked == Op.REPORT and result == Result.DONE:
            yield self._ask(RacpMessage(Op.DELETE, Operator.ALL))
