"""The HL7 sink: a message for the measurements of a subject, acknowledged one by one.

    answer               its records
    AA, CA               acknowledged
    AE, CE, AR, CR       halved until the bad value stands alone: a dead letter, or blocked if many
                         are refused alike
    none                 stay in the backlog; sent again with the same control id

A listener recognises a repeat by MSH-10 where the same records come together again, and by OBX-21,
the identity of each value, in any case.
"""

import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from teleward_cloud.exports.hl7.oru import Address, control_id, is_expressible, message
from teleward_cloud.hl7.mllp import MllpConnection, MllpError
from teleward_cloud.hl7.settings import Hl7Settings
from teleward_cloud.problems import connection_problem
from teleward_cloud.refusals import Refusal, Refusals, problem
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_cloud.tls import client_context
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

_MOST_EXTRA = 64
"""Messages that one batch may cost beyond its own, to find what is refused."""


@dataclass(slots=True)
class _Outcome:
    """What has become of the records of one batch so far."""

    acknowledged: list[RecordId] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    blocked: list[Rejected] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    failure: str | None = None
    resumed: bool = False
    extra: int = 0


class Hl7Sink:
    """Write to an HL7 listener; see `teleward_cloud.sink.Sink`."""

    name = "hl7"
    kinds = frozenset({RecordKind.MEASUREMENT})
    max_batch = 500

    def __init__(self, settings: Hl7Settings, *, provenance: Provenance) -> None:
        self.last_error: str | None = None
        self._settings, self._provenance = settings, provenance
        self._address = Address(settings.application, settings.facility, settings.from_facility)
        self._connection: MllpConnection | None = None
        self._refusals = Refusals()
        self._messages = self._sent = self._acknowledged = self._rejected = self._errors = 0

    async def open(self) -> None:
        """Get ready; the first message connects."""
        settings = self._settings
        tls = client_context(settings.tls) if settings.tls else None
        self._connection = MllpConnection(settings.host, settings.port, tls)

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Send a batch in messages, one after the other."""
        outcome = _Outcome()
        wanted = list(self._wanted(batch, outcome))
        for records in _messages(wanted, self._settings.batch):
            if not await self._write(records, outcome):
                break
        now_s = time.monotonic()
        dead, blocked = self._refusals.judge(outcome.refused, frozenset(outcome.accepted), now_s)
        outcome.rejected += dead
        outcome.blocked += blocked
        error = outcome.failure
        if error is None and outcome.blocked:
            error = problem("the HL7 listener", outcome.blocked)
        self._errors += error is not None
        if error is not None or outcome.acknowledged:
            self.last_error = error
        self._acknowledged += len(outcome.acknowledged)
        self._rejected += len(outcome.rejected)
        return Delivery(
            tuple(outcome.acknowledged),
            tuple(outcome.rejected),
            blocked=tuple(outcome.blocked),
            resumed=outcome.resumed,
            error=error,
        )

    def retry(self) -> None:
        """Send refused records again, after a person's correction."""
        self._refusals.open()

    def counters(self) -> SinkCounters:
        """Return the counters."""
        detail = {"messages": float(self._messages), "blocked_scopes": float(len(self._refusals))}
        return SinkCounters(self._sent, self._acknowledged, self._rejected, self._errors, detail)

    async def close(self) -> None:
        """Close the connection; idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _wanted(self, batch: Sequence[Record], outcome: _Outcome) -> Iterator[Record]:
        """Yield what is sent now: values with codes and a subject, none that waits for a person."""
        now_s, trying = time.monotonic(), set[str]()
        for record in batch:
            if record.provenance is not self._provenance:
                reason = f"this gateway sends {self._provenance.value} data only"
                outcome.rejected.append(Rejected(record.id, reason))
                continue
            if record.kind not in self.kinds or not is_expressible(record):
                outcome.acknowledged.append(record.id)
                continue
            scope = self._refusals.blocked(_scopes(record))
            if scope is not None:
                if scope[0] in trying or not self._refusals.is_due(scope[0], now_s):
                    outcome.blocked.append(Rejected(record.id, scope[1]))
                    continue
                trying.add(scope[0])
            yield record

    async def _write(self, records: Sequence[Record], outcome: _Outcome) -> bool:
        """Send one message; return whether more can be sent."""
        connection, settings = self._connection, self._settings
        if connection is None:
            outcome.failure = "closed"
            return False
        identity = control_id(records)
        self._sent += len(records)
        self._messages += 1
        try:
            content = message(records, self._address)
            answer = await connection.send(content, identity, settings.timeout_s)
        except (OSError, TimeoutError, MllpError, ssl.SSLError) as error:
            address = f"{settings.host}:{settings.port}"
            found = connection_problem("sinks.hl7", address, error)
            outcome.failure = str(found).replace("sinks.hl7.url", "sinks.hl7.host and port")
            return False
        if answer.code in ("AA", "CA"):
            outcome.acknowledged += [record.id for record in records]
            for record in records:
                self._accept(_scopes(record), outcome)
            return True
        return await self._refused(records, f"{answer.code}: {answer.text or 'no reason'}", outcome)

    async def _refused(self, records: Sequence[Record], reason: str, outcome: _Outcome) -> bool:
        """Halve what was refused until one value stands alone."""
        if len(records) == 1:
            record = records[0]
            blocked = self._refusals.blocked(_scopes(record))
            if blocked is None:
                outcome.refused.append(Refusal(record.id, _scopes(record), reason))
            else:
                self._refusals.refused_again(blocked[0], reason, time.monotonic())
                outcome.blocked.append(Rejected(record.id, reason))
            return True
        if outcome.extra >= _MOST_EXTRA:
            outcome.blocked += [Rejected(record.id, reason) for record in records]
            return True
        outcome.extra += 2
        middle = len(records) // 2
        return await self._write(records[:middle], outcome) and await self._write(
            records[middle:], outcome
        )

    def _accept(self, scopes: tuple[str, ...], outcome: _Outcome) -> None:
        outcome.accepted.update(scopes)
        if (blocked := self._refusals.blocked(scopes)) is not None:
            self._refusals.open(blocked[0])
            outcome.resumed = True


def _messages(records: Iterable[Record], most: int) -> list[list[Record]]:
    """Cut a batch into the records of one message each, of one gateway and subject."""
    found: list[list[Record]] = []
    current: dict[tuple[str, str | None], list[Record]] = {}
    for record in records:
        key = record.id.gateway, record.subject
        records_of = current.get(key)
        if records_of is None or len(records_of) >= most:
            records_of = current[key] = []
            found.append(records_of)
        records_of.append(record)
    return found


def _scopes(record: Record) -> tuple[str, ...]:
    return str(record.metric), f"{record.metric} {record.subject} {record.device}"
