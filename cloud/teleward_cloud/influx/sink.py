"""The InfluxDB sink: records of the journal to any server with the v2 write call.

What the server answers (`answers`), and what becomes of the batch:

    204                          acknowledged, or held when the server may still forget it
    400, 422 about a point       the batch is halved until bad records stand alone (`sifting`);
                                 a few become dead letters, many alike are a problem of the server
                                 and stay in the backlog (`teleward_cloud.refusals`)
    413                          halved likewise
    429, 503 with Retry-After    nothing is acknowledged; the time asked for is passed on
    everything else, no answer   nothing is acknowledged; the error names the remedy
"""

import asyncio
import gzip
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from teleward_cloud.http_answers import BOUNDED
from teleward_cloud.influx import line_protocol
from teleward_cloud.influx.answers import Answer, judge
from teleward_cloud.influx.in_doubt import InDoubt
from teleward_cloud.influx.presence import Presence
from teleward_cloud.influx.settings import InfluxSettings, Waveforms
from teleward_cloud.influx.sifting import Line, Sifting
from teleward_cloud.influx.waveform_choice import AroundAlarms, Choice
from teleward_cloud.problems import connection_problem
from teleward_cloud.refusals import Refusals, problem
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_cloud.tls import client_context
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

_REQUEST_POINTS = 5_000
"""Points in one request; InfluxData advises 5 000 to 10 000. Encoding them takes some 15 ms."""
_FIRST_POINTS = 1_000
"""Points in the first request of a batch, doubled with each: encoding is quicker than writing, so
that the server is at work from the start and never waits for the next."""
_ON_THEIR_WAY = 3
"""Requests at once: one is written, one waits for it, one travels; with two, a server beside other
work ran dry now and then (0.80 of raw posts instead of 0.72)."""
_SMALL = 500
"""Records that the loop encodes itself: 2 ms, about what going to another thread costs."""
_GZIP_LEVEL = 1
"""Line protocol shrinks 10-fold at level 1 already; higher levels cost several times the CPU."""


@dataclass(slots=True)
class _Outcome:
    """What has become of the records of one batch so far."""

    acknowledged: list[RecordId] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    blocked: list[Rejected] = field(default_factory=list)
    failure: Answer | None = None
    resumed: bool = False


class InfluxSink:
    """Write to InfluxDB; see `teleward_cloud.sink.Sink`."""

    max_batch = 10_000
    """Two requests of numerics, which are one point a record."""

    def __init__(
        self,
        settings: InfluxSettings,
        *,
        provenance: Provenance,
        name: str = "influx",
        gateway: str | None = None,
    ) -> None:
        """Make the sink; with ``gateway`` another one of that name is looked for."""
        simulated = provenance is Provenance.SIMULATED
        self.name = name
        self.bucket = settings.simulated_bucket if simulated else settings.bucket
        full = settings.waveforms is not Waveforms.OFF
        self.kinds = line_protocol.KINDS - (frozenset() if full else {RecordKind.WAVEFORM})
        self._settings = settings
        self._provenance = provenance
        self._client: InfluxDBClientAsync | None = None
        self._service: Any = None
        self._in_doubt = InDoubt(settings.in_doubt_s)
        self._around = (
            AroundAlarms(settings.before_alarm_s, settings.after_alarm_s)
            if settings.waveforms is Waveforms.AROUND_ALARMS
            else None
        )
        self._sent = self._acknowledged = self._rejected = self._errors = self._points = 0
        self._bytes = 0
        self._refusals = Refusals()
        self._presence = Presence(gateway, settings, self.bucket) if gateway else None
        self._looking: asyncio.Task[None] | None = None
        self.last_error: str | None = None

    async def open(self) -> None:
        """Make the client; the first request connects."""
        settings = self._settings
        tls = client_context(settings.tls) if settings.tls else None
        self._client = InfluxDBClientAsync(
            settings.url,
            token=settings.token.get_secret_value(),
            org=settings.organisation,
            timeout=round(settings.timeout_s * 1000),
            ssl_context=tls,
            client_session_type=partial(_session, self._in_doubt.connection_lost),
            allow_redirects=False,
        )
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        if self._presence is not None and self._looking is None:
            self._looking = asyncio.create_task(self._presence.run(tls), name="influx presence")

    @property
    def conflict(self) -> str | None:
        """That another gateway has this name in the bucket, ``None`` when none is known."""
        return self._presence.conflict if self._presence else None

    @property
    def notice(self) -> str | None:
        """Why another gateway of this name would not be noticed, ``None`` when it would."""
        return self._presence.notice if self._presence else None

    async def send(self, batch: Sequence[Record], *, live: bool) -> Delivery:
        """Write a batch in requests of up to 5000 points; some travel while more are made."""
        now_s = time.monotonic()
        _, settled = self._in_doubt.written((), now_s)
        wait_s = self._in_doubt.wait_s(len(batch), now_s, live=live)
        if wait_s:
            self._acknowledged += len(settled)
            return Delivery(settled, forgotten=self._in_doubt.forgotten(), retry_after_s=wait_s)
        choice = self._choose(batch, live=live)
        outcome = _Outcome(acknowledged=[*settled, *choice.skip])
        sifting = Sifting(self._post, _scopes)
        wanted = await self._without_blocked(choice.write, outcome)
        sending: deque[asyncio.Task[Answer | None]] = deque()
        requests = self._requests(wanted, outcome)
        while outcome.failure is None and (request := await self._next(requests, len(wanted))):
            sending.append(asyncio.create_task(self._write(sifting, request)))
            if len(sending) >= _ON_THEIR_WAY:
                outcome.failure = await sending.popleft()
        for task in sending:
            outcome.failure = await task or outcome.failure
        written = await self._resolve(sifting, outcome)
        return self._delivery(choice, outcome, written)

    def retry(self) -> None:
        """Send refused records again, after a person's correction."""
        self._refusals.open()

    def counters(self) -> SinkCounters:
        """Return the counters."""
        return SinkCounters(
            self._sent,
            self._acknowledged,
            self._rejected,
            self._errors,
            {
                "points": float(self._points),
                "bytes": float(self._bytes),
                "in_doubt": float(len(self._in_doubt)),
                "undecided": float(len(self._around) if self._around else 0),
                "blocked_scopes": float(len(self._refusals)),
            },
        )

    async def close(self) -> None:
        """Close the connections; idempotent."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)  # aiohttp closes its sockets in the next turn of the loop

    async def _next(
        self, requests: Iterator[list[tuple[Record, str]]], n_records: int
    ) -> list[tuple[Record, str]] | None:
        """Encode the next request; a large one beside the loop, which serves the socket."""
        if n_records <= _SMALL:
            return next(requests, None)
        return await asyncio.to_thread(next, requests, None)

    def _requests(
        self, records: Sequence[Record], outcome: "_Outcome"
    ) -> Iterator[list[tuple[Record, str]]]:
        """Encode records into requests; those that have no points or none that can be go apart."""
        foreign = f"bucket {self.bucket} holds {self._provenance.value} data only"
        request: list[tuple[Record, str]] = []
        n_points, most = 0, _FIRST_POINTS
        lines, mine = line_protocol.lines, self._provenance
        for record in records:
            if record.provenance is not mine:
                outcome.rejected.append(Rejected(record.id, foreign))
                continue
            try:
                points = lines(record)
            except (ValueError, TypeError, OverflowError) as error:
                outcome.rejected.append(Rejected(record.id, str(error)))
                continue
            if not points:
                outcome.acknowledged.append(record.id)
                continue
            n_lines = len(points)
            request.append((record, points[0] if n_lines == 1 else "\n".join(points)))
            n_points += n_lines
            if n_points >= most:
                yield request
                request, n_points, most = [], 0, min(2 * most, _REQUEST_POINTS)
        if request:
            yield request

    def _choose(self, batch: Sequence[Record], *, live: bool) -> Choice:
        kinds = self.kinds
        wanted = [record for record in batch if record.kind in kinds]
        skipped = []
        if len(wanted) < len(batch):
            skipped = [record.id for record in batch if record.kind not in kinds]
        if self._around is None:
            return Choice(wanted, skipped, [])
        choice = self._around.choose(wanted, live=live, now_s=time.monotonic())
        choice.skip.extend(skipped)
        return choice

    async def _resolve(self, sifting: Sifting, outcome: _Outcome) -> list[RecordId]:
        """Judge what was refused; what only travelled with it is sent once more.

        Return what was written.
        """
        self._judge(sifting, outcome)
        innocent = []
        for line, reason in sifting.unresolved:
            if self._refusals.blocked(_scopes(line[0])) is None:
                innocent.append(line)
            else:
                outcome.blocked.append(Rejected(line[0].id, reason))
        written = [record.id for record in sifting.written]
        if not innocent or outcome.failure is not None:
            return written
        again = Sifting(self._post, _scopes)
        outcome.failure = await again.write(innocent)
        self._judge(again, outcome)
        outcome.blocked += [Rejected(line[0].id, reason) for line, reason in again.unresolved]
        return written + [record.id for record in again.written]

    def _judge(self, sifting: Sifting, outcome: _Outcome) -> None:
        """Add to the outcome what became of the records that were refused alone."""
        refusals = self._refusals
        if not sifting.refused and not refusals.suspects:
            return  # nearly always: what was accepted matters to nobody
        dead, blocked = refusals.judge(sifting.refused, sifting.accepted(), time.monotonic())
        outcome.rejected += dead
        outcome.blocked += blocked

    async def _without_blocked(
        self, records: Sequence[Record], outcome: _Outcome
    ) -> Sequence[Record]:
        """Return the records to send: not those of blocked scopes, of which one is tried at times.

        Its request shows whether the server takes them again.
        """
        if not len(self._refusals):
            return records
        sent, now_s = [], time.monotonic()
        for record in records:
            found = self._refusals.blocked(_scopes(record))
            if found is not None and self._refusals.is_due(found[0], now_s):
                found = await self._try(found[0], record, outcome)
            if found is None:
                sent.append(record)
            else:
                outcome.blocked.append(Rejected(record.id, found[1]))
        return sent

    async def _try(self, scope: str, record: Record, outcome: _Outcome) -> tuple[str, str] | None:
        """Send one record of a blocked scope; return the scope and the reason if refused again."""
        try:
            answer = await self._post(line_protocol.lines(record))
        except (ValueError, TypeError, OverflowError):
            return None
        if answer is None:
            self._refusals.open(scope)
            outcome.resumed = True
            return None
        self._refusals.refused_again(scope, answer.reason, time.monotonic())
        return scope, answer.reason

    def _delivery(self, choice: Choice, outcome: _Outcome, written: list[RecordId]) -> Delivery:
        failure = outcome.failure
        error = failure.reason if failure else None
        if error is None and outcome.blocked:
            error = problem("InfluxDB", outcome.blocked)
        self._errors += error is not None
        if failure is not None and failure.status == 0:
            self._in_doubt.connection_lost()
        if error is not None or written:
            self.last_error = error
        held, settled = self._in_doubt.written(written, time.monotonic())
        acknowledged = (*outcome.acknowledged, *settled)
        unwritten: frozenset[RecordId] = frozenset()
        if failure is not None or outcome.blocked:
            treated = {*written, *(found.id for found in outcome.rejected)}
            unwritten = choice.released - treated
        self._acknowledged += len(acknowledged)
        self._rejected += len(outcome.rejected)
        return Delivery(
            acknowledged,
            tuple(outcome.rejected),
            held=(*choice.held, *held),
            forgotten=(*self._in_doubt.forgotten(), *unwritten),
            blocked=tuple(outcome.blocked),
            resumed=outcome.resumed,
            retry_after_s=failure.retry_after_s if failure else None,
            error=error,
        )

    async def _write(self, sifting: Sifting, request: list[Line]) -> Answer | None:
        self._sent += len(request)
        return await sifting.write(request)

    async def _post(self, points: list[str]) -> Answer | None:
        """Send one request; ``None``: the server has stored it."""
        if self._client is None:
            return Answer(0, "closed")
        lines = line_protocol.body(points)
        encoding = "identity"
        content = lines
        if self._settings.gzip:
            encoding = "gzip"
            content = await asyncio.to_thread(gzip.compress, lines, _GZIP_LEVEL)
        try:
            _, status, headers = await self._service.post_write_async(
                org=self._settings.organisation,
                bucket=self.bucket,
                body=content,
                precision="ns",
                content_encoding=encoding,
                content_type="text/plain; charset=utf-8",
                _return_http_data_only=False,
            )
            answer = judge(status, headers, b"")
        except (InfluxDBError, ApiException) as error:
            answer = _judge_error(error)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer(0, str(connection_problem("influx", self._settings.url, error)))
        if answer is None:
            self._points += lines.count(b"\n") + 1
            self._bytes += len(content)
        return answer


def _scopes(record: Record) -> tuple[str, str]:
    """Return what a record shares with others that a server may refuse alike: widest first."""
    series = line_protocol.series(record)
    return series.partition(",")[0], series


def _session(on_new_connection: Callable[[], None], **options: Any) -> aiohttp.ClientSession:
    """Make the client's HTTP session; a new connection may mean that the server crashed."""
    trace = aiohttp.TraceConfig()

    async def created(*_: object) -> None:
        on_new_connection()

    trace.on_connection_create_end.append(created)
    return aiohttp.ClientSession(**(options | BOUNDED | {"trace_configs": [trace]}))


def _judge_error(error: InfluxDBError | ApiException) -> Answer:
    """Return what an answer means that the client raised."""
    response = error.response
    if response is None:
        return Answer(0, str(error) or type(error).__name__)
    body = response.data
    content = body if isinstance(body, bytes) else str(body or "").encode()
    found = judge(int(response.status), dict(response.getheaders()), content)
    return found or Answer(int(response.status), "not understood")
