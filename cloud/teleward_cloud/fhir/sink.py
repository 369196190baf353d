"""The FHIR sink: every record becomes a resource of a FHIR R4 server, once.

Theory of operation
===================

    records --> panels, resources --> batch bundles of 100 --> an answer for each entry

A record may be sent twice (an answer is lost, the gateway is killed), so that each resource carries
the identity of its records as identifier and is created only if no other has it (If-None-Exist), or
is put to an id made of it. Servers race: two creations of one identifier under way at once made
several resources (HAPI FHIR). So there is one request at a time, no identifier is twice in a
bundle, and after a lost answer the sink waits ``settle_s``: the server may still be at work on it.

    answer of an entry              its records
    200, 201                        acknowledged
    412, there more than once       acknowledged and counted: another would make it worse
    400, 404, 409, 410, 422         dead letters, or blocked if many are refused alike
    401, 403, 429, 5xx, none        stay in the backlog; Retry-After is obeyed

A bundle that is refused as a whole is halved until the bad entry stands alone.

The parts of a blood pressure may come in two batches: the first is held until the rest is there.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from teleward_cloud.exports.fhir.identity import Resource
from teleward_cloud.exports.fhir.mapping import Mapped, Mapper
from teleward_cloud.exports.fhir.panels import Group
from teleward_cloud.fhir.answers import Answer, Meaning, entry_answer
from teleward_cloud.fhir.client import FhirClient
from teleward_cloud.fhir.entries import entry, relative
from teleward_cloud.fhir.places import Places
from teleward_cloud.fhir.settings import FhirSettings
from teleward_cloud.refusals import Refusal, Refusals, problem
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

_MOST_EXTRA = 64
"""Requests that one batch may cost beyond its own, to find what is refused."""
_MOST_UNSENT = 256


@dataclass(slots=True)
class _Outcome:
    """What has become of the records of one batch so far."""

    acknowledged: list[RecordId] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    blocked: list[Rejected] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    failure: Answer | None = None
    resumed: bool = False
    extra: int = 0


Item = tuple[Group, Resource]


class FhirSink:
    """Write to a FHIR server; see `teleward_cloud.sink.Sink`."""

    name = "fhir"
    max_batch = 500

    def __init__(self, settings: FhirSettings, *, gateway: str, provenance: Provenance) -> None:
        kinds = {RecordKind.MEASUREMENT}
        kinds |= {RecordKind.ALARM} if settings.alarms else set()
        kinds |= {RecordKind.WAVEFORM} if settings.waveforms else set()
        self.kinds = frozenset(kinds)
        self.last_error: str | None = None
        self._settings, self._provenance = settings, provenance
        self._client = FhirClient(settings)
        self._places = Places(settings.idempotency, provenance)
        self._mapper = Mapper(self._places, ordered=False)
        self._refusals = Refusals()
        self._held: set[RecordId] = set()
        self._unsent: dict[str, Resource] = {}
        self._settled_s = 0.0
        self._sent = self._acknowledged = self._rejected = self._errors = 0
        self._created = self._repeated = self._many = 0

    async def open(self) -> None:
        """Make the client; the first request connects."""
        self._client.open()

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Write a batch in bundles, one after the other."""
        wait_s = self._settled_s - time.monotonic()
        if wait_s > 0:
            return Delivery(retry_after_s=wait_s)
        outcome = _Outcome()
        wanted = self._wanted(batch, outcome)
        if (failure := await self._introduce(wanted)) is not None:
            outcome.failure = failure
            return self._delivery(batch, [], outcome)
        mapped = list(self._mapper.take(wanted)) if batch else list(self._mapper.rest())
        items = self._items(mapped, outcome)
        size = self._settings.batch
        for start in range(0, len(items), size):
            await self._write(items[start : start + size], outcome)
            if outcome.failure is not None:
                break
        self._judge(outcome)
        return self._delivery(batch, mapped, outcome)

    def retry(self) -> None:
        """Send refused records again, after a person's correction."""
        self._refusals.open()
        self._places.forget()

    def counters(self) -> SinkCounters:
        """Return the counters."""
        return SinkCounters(
            self._sent,
            self._acknowledged,
            self._rejected,
            self._errors,
            {
                "resources_created": float(self._created),
                "resources_there_before": float(self._repeated),
                "resources_there_more_than_once": float(self._many),
                "tokens": float(self._client.tokens),
                "blocked_scopes": float(len(self._refusals)),
            },
        )

    async def close(self) -> None:
        """Close the connections; idempotent."""
        await self._client.close()

    def _wanted(self, batch: Sequence[Record], outcome: _Outcome) -> list[Record]:
        """Return the records that this server is for."""
        foreign = f"this gateway sends {self._provenance.value} data only"
        wanted = []
        for record in batch:
            if record.kind not in self.kinds:
                outcome.acknowledged.append(record.id)
            elif record.provenance is not self._provenance:
                outcome.rejected.append(Rejected(record.id, foreign))
            else:
                wanted.append(record)
        return wanted

    async def _introduce(self, records: Iterable[Record]) -> Answer | None:
        """Create the subjects and devices that the server does not know; return a failure."""
        missing = list(self._places.missing(records).items())
        size = self._settings.batch
        for start in range(0, len(missing), size):
            part = missing[start : start + size]
            answers = await self._post([resource for _, resource in part])
            if isinstance(answers, Answer):
                return answers
            for (key, resource), answer in zip(part, answers, strict=True):
                if answer.meaning is Meaning.LATER:
                    return answer
                stored = answer.meaning is Meaning.STORED
                self._places.learn(
                    key, resource, relative(answer.location, key[0]) if stored else None
                )
        return None

    def _items(self, mapped: Sequence[Mapped], outcome: _Outcome) -> list[Item]:
        """Return what is to be sent, each identity once; what waits for a person is left out."""
        found: dict[str, Item] = {key: ((), resource) for key, resource in self._unsent.items()}
        now_s, trying = time.monotonic(), set[str]()
        for one in mapped:
            if one.resource is None:
                outcome.acknowledged += [record.id for record in one.group]
                continue
            scope = self._refusals.blocked(_scopes(one.group)) if one.group else None
            if scope is not None and (
                scope[0] in trying or not self._refusals.is_due(scope[0], now_s)
            ):
                outcome.blocked += [Rejected(record.id, scope[1]) for record in one.group]
                continue
            if scope is not None:
                trying.add(scope[0])
            key = one.resource["id"]
            group = one.group + found[key][0] if key in found else one.group
            found[key] = group, one.resource
        return list(found.values())

    async def _write(self, items: Sequence[Item], outcome: _Outcome) -> None:
        """Send one bundle; one that is refused as a whole is halved."""
        answers = await self._post([resource for _, resource in items])
        if not isinstance(answers, Answer):
            for item, answer in zip(items, answers, strict=True):
                self._take(item, answer, outcome)
            return
        if answers.meaning is not Meaning.REFUSED:
            self._keep_unsent(items)
            outcome.failure = answers
        elif len(items) == 1:
            self._take(items[0], answers, outcome)
        elif outcome.extra >= _MOST_EXTRA:
            outcome.blocked += [
                Rejected(record.id, answers.reason) for group, _ in items for record in group
            ]
        else:
            outcome.extra += 2
            middle = len(items) // 2
            await self._write(items[:middle], outcome)
            if outcome.failure is None:
                await self._write(items[middle:], outcome)
            else:
                self._keep_unsent(items[middle:])

    async def _post(self, resources: Sequence[Resource]) -> list[Answer] | Answer:
        """Send resources; return an answer for each, or one for all."""
        entries = [entry(resource, self._settings.idempotency) for resource in resources]
        self._sent += len(entries)
        reply = await self._client.batch(entries)
        if reply.lost:
            self._settled_s = time.monotonic() + self._settings.settle_s
        if reply.answer.meaning is not Meaning.STORED:
            return reply.answer
        found = reply.body.get("entry")
        answers = [entry_answer(one) for one in found] if isinstance(found, list) else []
        if len(answers) != len(resources) or None in answers:
            return Answer(
                reply.answer.status,
                Meaning.LATER,
                f"the server answered {len(answers)} of {len(resources)} entries: use a server "
                "with the batch interaction",
            )
        return [answer for answer in answers if answer is not None]

    def _take(self, item: Item, answer: Answer, outcome: _Outcome) -> None:
        """Apply the answer of one entry to its records."""
        group, resource = item
        self._unsent.pop(resource["id"], None)
        match answer.meaning:
            case Meaning.STORED | Meaning.MANY:
                self._created += answer.status == 201
                self._repeated += answer.status == 200
                self._many += answer.meaning is Meaning.MANY
                outcome.acknowledged += [record.id for record in group]
                if group:
                    self._accept(_scopes(group), outcome)
            case Meaning.REFUSED:
                scopes = _scopes(group) if group else ()
                blocked = self._refusals.blocked(scopes)
                if blocked is not None:
                    self._refusals.refused_again(blocked[0], answer.reason, time.monotonic())
                    outcome.blocked += [Rejected(record.id, answer.reason) for record in group]
                else:
                    outcome.refused += [
                        Refusal(record.id, scopes, answer.reason) for record in group
                    ]
            case Meaning.LATER:
                self._keep_unsent([item])
                outcome.failure = answer

    def _accept(self, scopes: tuple[str, ...], outcome: _Outcome) -> None:
        outcome.accepted.update(scopes)
        if (blocked := self._refusals.blocked(scopes)) is not None:
            self._refusals.open(blocked[0])
            outcome.resumed = True

    def _keep_unsent(self, items: Sequence[Item]) -> None:
        """Remember what no record brings again: the coincident times of devices."""
        for group, resource in items:
            if not group and len(self._unsent) < _MOST_UNSENT:
                self._unsent[resource["id"]] = resource

    def _judge(self, outcome: _Outcome) -> None:
        """Part what was refused into bad records and problems of the server."""
        now_s = time.monotonic()
        dead, blocked = self._refusals.judge(outcome.refused, frozenset(outcome.accepted), now_s)
        outcome.rejected += dead
        outcome.blocked += blocked

    def _delivery(
        self, batch: Sequence[Record], mapped: Sequence[Mapped], outcome: _Outcome
    ) -> Delivery:
        held = {record.id for record in self._mapper.held()}
        treated = {*outcome.acknowledged, *(found.id for found in outcome.rejected)}
        before = {record.id for one in mapped for record in one.group} & self._held
        forgotten = before - treated
        self._held = held
        failure = outcome.failure
        error = failure.reason if failure else None
        if error is None and outcome.blocked:
            error = problem("the FHIR server", outcome.blocked)
        self._errors += error is not None
        if error is not None or outcome.acknowledged:
            self.last_error = error
        self._acknowledged += len(outcome.acknowledged)
        self._rejected += len(outcome.rejected)
        in_batch = {record.id for record in batch}
        return Delivery(
            tuple(outcome.acknowledged),
            tuple(outcome.rejected),
            held=tuple(held & in_batch),
            forgotten=tuple(forgotten),
            blocked=tuple(outcome.blocked),
            resumed=outcome.resumed,
            retry_after_s=failure.retry_after_s if failure else None,
            error=error,
        )


def _scopes(group: Group) -> tuple[str, ...]:
    """Return what a resource shares with others that a server may refuse alike: widest first."""
    record = group[0]
    kind = f"{record.kind.value} {record.metric}"
    return kind, f"{kind} {record.subject} {record.device}"
