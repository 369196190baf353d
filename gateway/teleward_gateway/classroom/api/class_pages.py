"""Pages of a class: the door, the learner's room, the teacher's board, the wall, the QR code."""

import io

import segno
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from teleward_gateway.api.pages import answer
from teleward_gateway.api.person import join_host
from teleward_gateway.api.security import SECURITY_HEADERS
from teleward_gateway.classroom.api.who import Led

router = APIRouter(include_in_schema=False)


@router.get("/j/{code}")
async def door(request: Request, code: str) -> Response:
    """The door, with the code of the address in it."""
    return answer(request, "pages/join.html")


@router.get("/join")
async def bare_door(request: Request) -> Response:
    """The door, where the code is typed."""
    return answer(request, "pages/join.html")


@router.get("/room")
async def room(request: Request) -> Response:
    """The learner's page; the seat's cookie decides whose."""
    return answer(request, "pages/room.html")


@router.get("/teach")
async def teach(request: Request) -> Response:
    """The teacher's page."""
    return answer(request, "pages/teach.html")


@router.get("/wall")
async def wall(request: Request) -> Response:
    """The page for the projector."""
    return answer(request, "pages/wall.html")


@router.get("/class/qr.svg")
async def qr(request: Request, led: Led) -> Response:
    """The address of the door as a QR code."""
    made = io.BytesIO()
    host, scheme = join_host(request), "http"
    if not host:
        host, scheme = request.headers.get("host", ""), request.url.scheme
    address = f"{scheme}://{host}/j/{led.code}"
    segno.make(address, error="m").save(made, kind="svg", border=2, dark="#14202b", light="#fff")
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
    return Response(made.getvalue(), media_type="image/svg+xml", headers=headers)


@router.get("/class")
async def home() -> Response:
    """Send the teacher to the board."""
    return RedirectResponse("/teach", 307)
