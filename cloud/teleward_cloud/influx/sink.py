"""The InfluxDB sink: records of the journal to any server with the v2 write call.

What the server answers, and what becomes of the batch:

    2xx                          acknowledged, or held when the server may still forget it
    400, 422 (partial or bad)    the batch is halved until the bad records stand alone; those are
                                 rejected, the others written: points are idempotent
    413                          halved likewise, a single record is rejected
    401, 403, 404                nothing is acknowledged; the error says what to set right
    429, 503 with Retry-After    nothing is acknowledged; its wish is passed on
    other 5xx, no answer         nothing is acknowledged
"""

import asyncio
import email.utils
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

from teleward_cloud.influx import line_protocol
from teleward_cloud.influx.in_doubt import InDoubt
from teleward_cloud.influx.settings import InfluxSettings, Waveforms
from teleward_cloud.influx.waveform_choice import AroundAlarms, Choice
from teleward_cloud.problems import connection_problem
from teleward_cloud.sink import Delivery, Rejected, SinkCounters
from teleward_cloud.tls import client_context
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

_REQUEST_POINTS = 5_000
"""Points in one request; InfluxData advises 5 000 to 10 000. Encoding them takes some 15 ms."""
_FIRST_POINTS = 1_000
"""Points in the first request of a batch, doubled with each: encoding is quicker than writing, so
that the server is at work from the start and never waits for the next."""
_BLAMES_DATA = ("unable to parse", "partial write", "conflict", "beyond retention", "invalid field")
"""Server messages of a 400 or 422 that is the fault of a point. Any other 400 is the fault of the
settings or of a proxy, and no reason to give up records."""
_ON_THEIR_WAY = 3
"""Requests at once: one is written, one waits for it, one travels; with two, a server beside other
work ran dry now and then (0.80 of raw posts instead of 0.72)."""
_SMALL = 500
"""Records that the loop encodes itself: 2 ms, about what going to another thread costs."""
_GZIP_LEVEL = 1
"""Line protocol shrinks 10-fold at level 1 already; higher levels cost several times the CPU."""
_REMEDIES = {
    401: "the token is refused: set influx.token to a token of this server",
    403: "the token may not write this bucket: give it write permission",
    404: "no such bucket or organisation: create it or correct influx.bucket",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """An HTTP answer that was not 2xx, or none at all (status 0)."""

    status: int
    reason: str
    retry_after_s: float | None = None

    @property
    def blames_data(self) -> bool:
        """Whether a point is at fault, or the size of the request."""
        reason = self.reason.lower()
        return self.status == 413 or (
            self.status in (400, 422) and any(sign in reason for sign in _BLAMES_DATA)
        )


@dataclass(slots=True)
class _Outcome:
    """What has become of the records of one batch so far."""

    acknowledged: list[RecordId] = field(default_factory=list)
    written: list[RecordId] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    failure: _Answer | None = None


class InfluxSink:
    """Write to InfluxDB; see `teleward_cloud.sink.Sink`."""

    max_batch = 10_000
    """Two requests of numerics, which are one point a record."""

    def __init__(
        self, settings: InfluxSettings, *, provenance: Provenance, name: str = "influx"
    ) -> None:
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
        )
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]

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
        sending: deque[asyncio.Task[_Answer | None]] = deque()
        requests = self._requests(choice.write, outcome)
        while request := await self._next(requests, len(choice.write)):
            sending.append(asyncio.create_task(self._write(request, outcome)))
            if len(sending) >= _ON_THEIR_WAY:
                outcome.failure = await sending.popleft()
                if outcome.failure is not None:
                    break
        for task in sending:
            outcome.failure = await task or outcome.failure
        return self._delivery(choice, outcome)

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
            },
        )

    async def close(self) -> None:
        """Close the connections; idempotent."""
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

    def _delivery(self, choice: Choice, outcome: "_Outcome") -> Delivery:
        failure = outcome.failure
        if failure is not None:
            self._errors += 1
            self.last_error = failure.reason
            if failure.status == 0:
                self._in_doubt.connection_lost()
        elif outcome.written:
            self.last_error = None
        held, settled = self._in_doubt.written(outcome.written, time.monotonic())
        acknowledged = (*outcome.acknowledged, *settled)
        unwritten: frozenset[RecordId] = frozenset()
        if failure is not None:
            treated = {*outcome.written, *(found.id for found in outcome.rejected)}
            unwritten = choice.released - treated
        self._acknowledged += len(acknowledged)
        self._rejected += len(outcome.rejected)
        return Delivery(
            acknowledged,
            tuple(outcome.rejected),
            held=(*choice.held, *held),
            forgotten=(*self._in_doubt.forgotten(), *unwritten),
            retry_after_s=failure.retry_after_s if failure else None,
            error=failure.reason if failure else None,
        )

    async def _write(
        self, request: list[tuple[Record, str]], outcome: "_Outcome"
    ) -> "_Answer | None":
        """Write; halve a request that has bad data in it. Return what stopped it, if anything."""
        self._sent += len(request)
        answer = await self._post([points for _, points in request])
        if answer is None:
            outcome.written += [record.id for record, _ in request]
            return None
        if not answer.blames_data:
            return answer
        if len(request) == 1:
            outcome.rejected.append(Rejected(request[0][0].id, answer.reason))
            return None
        middle = len(request) // 2
        return await self._write(request[:middle], outcome) or await self._write(
            request[middle:], outcome
        )

    async def _post(self, points: list[str]) -> _Answer | None:
        """Send one request; ``None`` is success."""
        if self._client is None:
            return _Answer(0, "closed")
        lines = line_protocol.body(points)
        encoding = "identity"
        content = lines
        if self._settings.gzip:
            encoding = "gzip"
            content = await asyncio.to_thread(gzip.compress, lines, _GZIP_LEVEL)
        try:
            await self._service.post_write_async(
                org=self._settings.organisation,
                bucket=self.bucket,
                body=content,
                precision="ns",
                content_encoding=encoding,
                content_type="text/plain; charset=utf-8",
            )
        except (InfluxDBError, ApiException) as error:
            return _answer(error)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _Answer(0, str(connection_problem("influx", self._settings.url, error)))
        self._points += lines.count(b"\n") + 1
        self._bytes += len(content)
        return None


def _session(on_new_connection: Callable[[], None], **options: Any) -> aiohttp.ClientSession:
    """Make the client's HTTP session; a new connection may mean that the server crashed."""
    trace = aiohttp.TraceConfig()

    async def created(*_: object) -> None:
        on_new_connection()

    trace.on_connection_create_end.append(created)
    return aiohttp.ClientSession(**(options | {"trace_configs": [trace]}))


def _answer(error: InfluxDBError | ApiException) -> _Answer:
    response = error.response
    status = int(getattr(response, "status", 0) or getattr(error, "status", 0) or 0)
    message = str(getattr(error, "message", "") or getattr(error, "reason", "") or error)
    remedy = _REMEDIES.get(status)
    reason = f"HTTP {status}: {message}" + (f" ({remedy})" if remedy else "")
    wait = response.getheader("Retry-After") if response is not None else None
    return _Answer(status, reason, _retry_after_s(wait))


def _retry_after_s(wait: str | None) -> float | None:
    """Read Retry-After: seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if not wait:
        return None
    try:
        return max(0.0, float(wait))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(wait).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
