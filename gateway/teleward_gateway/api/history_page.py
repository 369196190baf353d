"""A page of history as JSON: up to 10,000 records, made beside the event loop, one page at a time.

Four clients that asked for the longest pages held up health for two seconds and every fifth tick of
the signal engine: rows were made, checked again and encoded by the loop. Portions keep the
interpreter's lock for a millisecond each.
"""

import asyncio
from collections.abc import Sequence

from pydantic import TypeAdapter

from teleward_gateway.api.schemas import Observation
from teleward_signal.record import Record

_PORTION = 100
_ROWS = TypeAdapter(list[Observation])


class HistoryPages:
    """Makes pages of history; those that come together wait for each other."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def page(self, records: Sequence[Record], following: str | None) -> bytes:
        """Return a page, `History` as JSON; ``following`` is its ``next``."""
        async with self._one:
            return await asyncio.to_thread(_page, records, following)


def _page(records: Sequence[Record], following: str | None) -> bytes:
    portions = [
        _ROWS.dump_json([Observation.of(record) for record in records[i : i + _PORTION]])[1:-1]
        for i in range(0, len(records), _PORTION)
    ]
    end = b"null" if following is None else b'"' + following.encode() + b'"'
    return b'{"observations":[' + b",".join(portions) + b'],"next":' + end + b"}"
