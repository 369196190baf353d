"""Detection of a second gateway that writes under the same name into the same bucket.

Each gateway writes a point every two minutes, at the time of the server, and reads back what is
there under its name. ``instance`` is random, so that copied cards and folders differ in it:

    gateways,gateway=ward-3 instance="9f86d081c3a1b2d4"

    another instance, later than our first point       both are running: their values mix
    another instance, earlier                          our own last process, or one that has ended

It is read with InfluxQL (InfluxDB 1 and 3, and 2 with its mapping of databases), else with Flux. A
token that may only write, or a server that answers neither, is named: then nobody would notice.
"""

import asyncio
import csv
import json
import logging
import secrets
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from teleward_cloud.http_answers import BOUNDED
from teleward_cloud.influx.line_protocol import tag
from teleward_cloud.influx.settings import InfluxSettings
from teleward_signal.errors import TelewardError

log = logging.getLogger(__name__)

_EVERY_S = 120.0
"""Between two points: 2 MB a day with their answers."""
_ALIVE_NS = 400 * 10**9
"""How much older than our newest point another's may be: it has missed three."""
_WINDOW = "15m"
_MOST_ROWS = 200
_MEASUREMENT = "gateways"
_NOT_ALLOWED = (401, 403)

Row = tuple[int, str]
"""Time of a point, UTC ns by the clock of the server, and its instance."""


class _Unreadable(TelewardError):
    """The points cannot be read back, with the reason as a sentence."""


class Presence:
    """The other gateway of this name in the bucket, if there is one; `run` is its task."""

    def __init__(self, gateway: str, settings: InfluxSettings, bucket: str) -> None:
        self.instance = secrets.token_hex(8)
        self.conflict: str | None = None
        self.notice: str | None = None
        self._gateway, self._settings, self._bucket = gateway, settings, bucket
        self._since_ns: int | None = None

    async def run(self, tls: ssl.SSLContext | None) -> None:
        """Write and read until cancelled; what fails is tried again at the next turn."""
        while True:
            try:
                await self._turn(tls)
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # the sink itself names a server that is away
            except Exception:  # an answer nobody has thought of ends no gateway
                log.exception("InfluxDB: who else has the name %s is not known", self._gateway)
            await asyncio.sleep(_EVERY_S)

    async def _turn(self, tls: ssl.SSLContext | None) -> None:
        settings = self._settings
        timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
        token = {"Authorization": f"Token {settings.token.get_secret_value()}"}
        connector = aiohttp.TCPConnector(ssl=tls) if tls is not None else None
        options = BOUNDED | {"headers": BOUNDED["headers"] | token}
        async with aiohttp.ClientSession(
            timeout=timeout, connector=connector, **options
        ) as session:
            if await self._write(session):
                try:
                    rows = await self._read(session)
                except _Unreadable as error:
                    self._note(str(error))
                else:
                    self._judge(rows)

    def _judge(self, rows: Sequence[Row]) -> None:
        """Decide by the points of this name whether another process writes them too."""
        own = [time_ns for time_ns, instance in rows if instance == self.instance]
        if not own:
            self._note("the server does not give back what was written")
            return
        self._note(None)
        if self._since_ns is None:
            self._since_ns = min(own)
        earliest_ns = max(self._since_ns, max(own) - _ALIVE_NS)
        others = [row for row in rows if row[1] != self.instance and row[0] > earliest_ns]
        before, self.conflict = self.conflict, None
        if others:
            self.conflict = (
                f"another gateway is named {self._gateway} in bucket {self._bucket}: their values "
                "mix; set another gateway.name on one of them"
            )
        if self.conflict != before:
            log.error("InfluxDB: %s", self.conflict or "no other gateway has this name any more")

    def _note(self, why: str | None) -> None:
        """Keep why another gateway of this name would not be noticed, ``None`` if it would."""
        notice = None
        if why is not None:
            notice = f"another gateway named {self._gateway} would not be noticed here: {why}"
        if notice != self.notice and notice is not None:
            log.warning("InfluxDB: %s", notice)
        self.notice = notice

    async def _write(self, session: aiohttp.ClientSession) -> bool:
        """Write the point without a time, so that clocks of gateways need not agree."""
        point = f'{_MEASUREMENT},gateway={tag(self._gateway)} instance="{self.instance}"'
        where = {"org": self._settings.organisation, "bucket": self._bucket, "precision": "ns"}
        status, _ = await self._ask(session, "POST", "/api/v2/write", where, data=point.encode())
        return status == 204

    async def _read(self, session: aiohttp.ClientSession) -> list[Row]:
        """Return the newest points of this name; raises `_Unreadable`."""
        where = {"db": self._bucket, "epoch": "ns", "q": _influxql(self._gateway)}
        first, body = await self._ask(session, "GET", "/query", where)
        rows = _rows(body) if first == 200 else None
        if rows is not None:
            return rows
        flux = {"query": _flux(self._bucket, self._gateway), "type": "flux"}
        organisation = {"org": self._settings.organisation}
        second, body = await self._ask(session, "POST", "/api/v2/query", organisation, json=flux)
        rows = _flux_rows(body) if second == 200 else None
        if rows is not None:
            return rows
        if first in _NOT_ALLOWED or second in _NOT_ALLOWED:
            raise _Unreadable(f"the token may not read bucket {self._bucket}; allow it to read")
        raise _Unreadable("this server answers neither InfluxQL nor Flux")

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        query: Mapping[str, str],
        **content: Any,
    ) -> tuple[int, bytes]:
        """Send a request; return status and body of the answer."""
        async with session.request(
            method, self._settings.url + path, params=query, allow_redirects=False, **content
        ) as answer:
            return answer.status, await answer.read()


def _influxql(gateway: str) -> str:
    name = gateway.replace("\\", "/").replace("'", r"\'")
    return (
        f'SELECT "instance" FROM "{_MEASUREMENT}" WHERE "gateway" = \'{name}\' '
        f"AND time > now() - {_WINDOW} ORDER BY time DESC LIMIT {_MOST_ROWS}"
    )


def _flux(bucket: str, gateway: str) -> str:
    name = json.dumps(gateway.replace("\\", "/"), ensure_ascii=False)
    return (
        f"from(bucket: {json.dumps(bucket, ensure_ascii=False)}) |> range(start: -{_WINDOW}) "
        f'|> filter(fn: (r) => r._measurement == "{_MEASUREMENT}" and r.gateway == {name} '
        'and r._field == "instance") '
        f'|> sort(columns: ["_time"], desc: true) |> limit(n: {_MOST_ROWS})'
    )


def _rows(body: bytes) -> list[Row] | None:
    """Return the points of an InfluxQL answer, ``None`` when it is another one."""
    try:
        found = json.loads(body)["results"][0]
        if "error" in found:
            return None
        rows: list[Row] = []
        for series in found.get("series", ()):
            if series["columns"] != ["time", "instance"]:
                return None
            rows += [(_whole(time_ns), str(instance)) for time_ns, instance in series["values"]]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
    return rows


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("no time in nanoseconds")
    return value


def _flux_rows(body: bytes) -> list[Row] | None:
    """Return the points of a Flux answer (annotated CSV), ``None`` when it is another one."""
    try:
        lines = [line for line in body.decode().splitlines() if line and line[0] != "#"]
        rows = list(csv.DictReader(lines))
        return [(_time_ns(row["_time"]), row["_value"]) for row in rows]
    except (ValueError, KeyError, TypeError, csv.Error):
        return None


def _time_ns(text: str) -> int:
    """Return UTC ns of RFC 3339 with any number of decimals."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)
