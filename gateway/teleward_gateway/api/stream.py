"""The WebSocket of a page: JSON text for state, binary frames for waves.

page -> gateway   {"type": "ping", "sent": ms}          every 2 s: shows that the link carries
                  {"type": "rung", "rung": "lean"}      ask for less or more
                  {"type": "refresh"}                   send the whole state again
gateway -> page   {"type": "hello", ...}  the whole state; {"type": "update", ...} what changed
                  {"type": "pong", "sent": ms, "now": ms}
                  binary: waves, with the update of the same tick in front of them:
                  `teleward_gateway.live.frame`
"""

import asyncio
import contextlib
import logging
import math
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from teleward_gateway.api.page_requests import parse_request
from teleward_gateway.api.view import view_of
from teleward_gateway.live import LiveHub, Page, Rung
from teleward_gateway.live.channel import PAST_S

log = logging.getLogger(__name__)

router = APIRouter()

PAGES_LIMIT = 200
"""Pages at once; 40 pages of 16 beds cost 3 % of a core."""


@router.websocket("/stream")
async def stream(
    socket: WebSocket,
    subjects: str = "",
    sweep: Annotated[float, Query(ge=0, le=PAST_S)] = 0.0,
) -> None:
    """Send live state and waves of ``subjects`` (comma-separated; all when empty).

    Behind the state come the waves of the last ``sweep`` seconds.
    """
    hub = view_of(socket).live
    if hub.statistics.pages >= PAGES_LIMIT:
        await socket.close(1013, "too many pages")
        return
    await socket.accept()
    chosen = [name for name in subjects.split(",") if name]
    page = hub.open_page(chosen or None, sweep)
    # whichever ends takes the other along: a page that gets pongs and no values looks alive
    both = [
        asyncio.create_task(_send(socket, hub, page), name="values of a page"),
        asyncio.create_task(_answer(socket, hub, page), name="requests of a page"),
    ]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.close_page(page)
        for task in both:
            task.cancel()
        ends = await asyncio.gather(*both, return_exceptions=True)
    errors = [e for e in ends if isinstance(e, Exception) and not _is_usual(e)]
    if errors:
        log.error("a page is closed, it may open again", exc_info=errors[0])
        with contextlib.suppress(RuntimeError):
            await socket.close(1011, "the page cannot be served; it may open again")


def _is_usual(error: Exception) -> bool:
    return isinstance(error, WebSocketDisconnect | RuntimeError | OSError)


async def _send(socket: WebSocket, hub: LiveHub, page: Page) -> None:
    while True:
        message = await page.next()
        if isinstance(message, str):
            await socket.send_text(message)
        else:
            await socket.send_bytes(message)
            hub.sent()


async def _answer(socket: WebSocket, hub: LiveHub, page: Page) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        request = parse_request(message.get("text") or "")
        match request.get("type"):
            case "ping":
                sent = request.get("sent")
                if isinstance(sent, int | float) and math.isfinite(sent):
                    page.put(hub.pong(float(sent)))
            case "rung" if request.get("rung") in list(Rung):
                page.rung = Rung(request["rung"])
            case "refresh":
                page.refresh()
