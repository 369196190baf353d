"""WebSockets of a class: a seat's screen with its waves, the same for "see what they see", board.

seat, watch   the live frames of the patient as `api.stream` sends them, at most at the rung of
              the seat's role, and between them {"type": "class", ...} at every change
board, wall   {"type": "board" | "wall", ...} whenever something changed, once a second at least
"""

import asyncio
import contextlib
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from teleward_gateway.api.page_requests import parse_request
from teleward_gateway.classroom.api.who import classes_of, led_class, seat_of
from teleward_gateway.classroom.classes import rules
from teleward_gateway.classroom.classes.board_types import Board, Wall
from teleward_gateway.classroom.classes.running import RunningClass
from teleward_gateway.classroom.classes.screen_types import Screen
from teleward_gateway.classroom.classes.state import Seat
from teleward_gateway.classroom.ward_port import PatientPage
from teleward_signal.errors import TelewardError

router = APIRouter()

LONGEST_S = 1.0
"""A screen is sent at least so often."""
REFUSED, BROKEN = 1008, 1011

log = logging.getLogger(__name__)


@router.websocket("/seat/stream")
async def seat_stream(socket: WebSocket) -> None:
    """Send a learner's screen and waves."""
    try:
        running, seat = seat_of(socket, classes_of(socket))
    except TelewardError as error:
        await _refuse(socket, error)
        return
    await _serve_screen(socket, running, seat)


@router.websocket("/class/seats/{seat}/stream")
async def watch(socket: WebSocket, seat: str) -> None:
    """Send the teacher what a learner sees: the same frames."""
    try:
        running = led_class(socket, classes_of(socket))
        found = running.seat(seat)
    except TelewardError as error:
        await _refuse(socket, error)
        return
    await _serve_screen(socket, running, found)


@router.websocket("/class/stream")
async def board(socket: WebSocket) -> None:
    """Send the board."""
    await _serve_view(socket, lambda running: running.board_view(_now_ms()))


@router.websocket("/class/wall")
async def wall(socket: WebSocket) -> None:
    """Send what the projector shows."""
    await _serve_view(socket, lambda running: running.wall_view(_now_ms()))


async def _serve_view(socket: WebSocket, view: Callable[[RunningClass], Board | Wall]) -> None:
    try:
        running = led_class(socket, classes_of(socket))
    except TelewardError as error:
        await _refuse(socket, error)
        return
    await socket.accept()

    async def send() -> None:
        version = -1
        while True:
            version = await running.wait_change(version, LONGEST_S)
            await socket.send_text(json.dumps(view(running)))

    await _until_gone(socket, send(), lambda request: None)


async def _serve_screen(socket: WebSocket, running: RunningClass, seat: Seat) -> None:
    await socket.accept()
    pages = _Pages(running, seat)

    def answer(request: dict[str, Any]) -> str | None:
        return pages.answer(request)

    async def send() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_send_screens(socket, running, seat))
            tasks.create_task(pages.send(socket))

    try:
        await _until_gone(socket, send(), answer)
    finally:
        pages.close()
    if seat.left:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(REFUSED)


async def _send_screens(socket: WebSocket, running: RunningClass, seat: Seat) -> None:
    version, last = -1, ""
    while not seat.left:
        version = await running.wait_change(version, LONGEST_S)
        text = json.dumps(running.screen(seat), ensure_ascii=False)
        if text != last:
            last = text
            await socket.send_text(text)
    last_screen: Screen = {**running.screen(seat), "gone": True}
    await socket.send_text(json.dumps(last_screen))


class _Pages:
    """The live page of a seat's room; another one when the seat gets another room or role."""

    def __init__(self, running: RunningClass, seat: Seat) -> None:
        self._running, self._seat = running, seat
        self._page: PatientPage | None = None
        self._of: tuple[str | None, str] = (None, "")

    def close(self) -> None:
        """Close the page."""
        if self._page is not None:
            self._page.close()
            self._page = None

    def answer(self, request: dict[str, Any]) -> str | None:
        """Return the answer to a page's message."""
        page = self._page
        match request.get("type"):
            case "ping":
                sent = request.get("sent")
                if isinstance(sent, int | float) and math.isfinite(sent):
                    if page is not None:
                        return page.pong(float(sent))
                    return json.dumps({"type": "pong", "sent": sent, "now": _now_ms()})
            case "rung" if page is not None:
                page.ask_rung(str(request.get("rung")))
            case "refresh" if page is not None:
                page.refresh()
        return None

    async def send(self, socket: WebSocket) -> None:
        """Send the frames of the seat's patient until the seat is left."""
        while not self._seat.left:
            self._follow()
            if self._page is None:
                await asyncio.sleep(0.2)
                continue
            try:
                async with asyncio.timeout(1.0):
                    message = await self._page.next()
            except TimeoutError:
                continue
            if isinstance(message, str):
                await socket.send_text(message)
            else:
                await socket.send_bytes(message)
                self._page.sent()

    def _follow(self) -> None:
        rung = rules.rung_of(self._running.state, self._seat, self._running.lesson.link)
        wanted = (self._seat.room, rung)
        if wanted == self._of:
            return
        self.close()
        self._of = wanted
        if self._seat.room is not None:
            self._page = self._running.open_page(self._seat.room, rung)


async def _until_gone(
    socket: WebSocket,
    sending: Awaitable[None],
    answer: Callable[[dict[str, Any]], str | None],
) -> None:
    """Send until the page is gone; answer its messages meanwhile."""
    tasks = {
        asyncio.ensure_future(sending),
        asyncio.ensure_future(_answer_all(socket, answer)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect):
            log.error("a page of a class is closed, it may open again", exc_info=error)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(BROKEN)  # the page opens another one


async def _answer_all(socket: WebSocket, answer: Callable[[dict[str, Any]], str | None]) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        reply = answer(parse_request(message.get("text") or ""))
        if reply is not None:
            await socket.send_text(reply)


async def _refuse(socket: WebSocket, error: TelewardError) -> None:
    await socket.close(REFUSED, str(error)[:120])


def _now_ms() -> int:
    return time.time_ns() // 10**6
