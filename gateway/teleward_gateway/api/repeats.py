"""Requests that are sent again: an `Idempotency-Key` is carried out once and answered alike.

A phone that lost the answer sends again; without a key the value would be charted twice. Keys are
kept in memory, the newest `MOST`; a request that failed is forgotten and may be tried again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header
from starlette.requests import HTTPConnection

from teleward_signal.errors import Conflict

MOST = 4096
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="made up by the sender for one observation, the same when it is sent again",
    ),
]


class Repeats:
    """The requests with a key that were answered or are being answered."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[object, asyncio.Future[Any]]] = OrderedDict()

    async def once(
        self, key: str | None, request: object, act: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Carry out ``act``, or return what the first request with ``key`` got.

        Raises Conflict when ``key`` stood for another request, and what ``act`` raises.
        """
        if key is None:
            return await act()
        known = self._known.get(key)
        if known is None:
            known = request, asyncio.ensure_future(act())
            self._known[key] = known
            known[1].add_done_callback(lambda done: self._forget_failed(key, done))
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        if known[0] != request:
            raise Conflict("this Idempotency-Key was used for another request: make up a new one")
        return await asyncio.shield(known[1])

    def _forget_failed(self, key: str, done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._known.pop(key, None)


def repeats_of(connection: HTTPConnection) -> Repeats:
    """Return the memory of this API (a FastAPI dependency)."""
    found: Repeats = connection.app.state.repeats
    return found


RepeatsDep = Annotated[Repeats, Depends(repeats_of)]
