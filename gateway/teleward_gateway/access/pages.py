"""Pages of access: the login, the accounts, how to trust the certificate, the link of a screen."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from teleward_gateway.access.doors import Door, door_of
from teleward_gateway.access.guard import address_of, kiosk_cookie
from teleward_gateway.access.roles import Role
from teleward_gateway.access.routes import Access
from teleward_gateway.api.pages import answer
from teleward_gateway.api.schemas import problem_response

router = APIRouter(include_in_schema=False)

LINK_AGE_S = 400 * 86400
"""The longest that browsers keep a cookie."""


@router.get("/login")
async def login(request: Request) -> Response:
    """The login."""
    return answer(request, "pages/login.html")


@router.get("/accounts")
async def accounts(request: Request) -> Response:
    """The operator's page of accounts, sessions, links and the access log."""
    return answer(request, "pages/accounts.html")


@router.get("/gateway")
async def gateway(request: Request) -> Response:
    """The operator's page of the gateway's parts."""
    return answer(request, "pages/gateway.html")


@router.get("/k/{token}")
async def screen(access: Access, request: Request, token: str) -> Response:
    """The link of a screen on the wall: its cookie, then its bed or the ward."""
    link = access.sessions.find_link(token, "kiosk")
    if link is None:
        access.log.view("", Role.NOBODY.value, address_of(request), "unknown screen link", "")
        return problem_response(
            404, "No such screen", "this link has ended", "Ask the operator for another link."
        )
    access.log.note(link.subject, Role.KIOSK.value, address_of(request), "screen opened", "", 200)
    place = f"/bed/{link.subject}" if link.subject else "/ward"
    response = RedirectResponse(place, 303, {"Cache-Control": "no-store"})
    door = door_of(request.scope)
    response.set_cookie(
        kiosk_cookie(door), token, LINK_AGE_S, httponly=True, samesite="strict", path="/",
        secure=door is Door.SECURE,
    )  # fmt: skip
    return response
