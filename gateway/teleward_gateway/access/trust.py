"""Routes of trust: the page with three steps, the certificate of the CA, its address as QR code."""

import io

import segno
from cryptography.hazmat.primitives import serialization
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.responses import Response

from teleward_gateway.access.authority import fingerprint
from teleward_gateway.access.doors import called_by, lan_of, secure_origin
from teleward_gateway.access.lan import Lan
from teleward_gateway.api.pages import answer
from teleward_gateway.api.security import SECURITY_HEADERS
from teleward_signal.errors import NotFound

pages = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/access", tags=["access"])


class Trust(BaseModel):
    """What a phone has to trust, and where the pages are then."""

    made: bool = Field(description="false: the clinic's own certificate, nothing to trust")
    fingerprint: str
    until: str
    address: str


def _lan(connection: HTTPConnection) -> Lan:
    lan = lan_of(connection)
    if not isinstance(lan, Lan):
        raise NotFound("this gateway does not serve the local network: set [lan] enabled = true")
    return lan


@pages.get("/trust")
async def page(request: Request) -> Response:
    """How to trust the certificate, in three steps."""
    return answer(request, "pages/trust.html")


@pages.get("/trust/ca.crt")
async def certificate(request: Request) -> Response:
    """The certificate of the CA, as phones and computers take it."""
    ca = _lan(request).certificate.ca
    if ca is None:
        raise NotFound("this gateway has the clinic's own certificate: there is nothing to trust")
    headers = {
        **SECURITY_HEADERS,
        "Content-Disposition": 'attachment; filename="teleward-ca.crt"',
        "Cache-Control": "no-store",
    }
    content = ca.public_bytes(serialization.Encoding.DER)
    return Response(content, media_type="application/x-x509-ca-cert", headers=headers)


@pages.get("/trust/qr.svg")
async def qr(request: Request) -> Response:
    """The address of the page of trust as a QR code, for a phone that is not there yet."""
    made = io.BytesIO()
    address = f"http://{called_by(request)}:{_lan(request).plain_port}/trust"
    segno.make(address, error="m").save(made, kind="svg", border=2, dark="#14202b", light="#fff")
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
    return Response(made.getvalue(), media_type="image/svg+xml", headers=headers)


@router.get("/trust")
async def get_trust(request: Request) -> Trust:
    """Return what a phone has to trust; compare the fingerprint with that of the console."""
    lan = _lan(request)
    ca = lan.certificate.ca
    return Trust(
        made=ca is not None,
        fingerprint="" if ca is None else fingerprint(ca),
        until="" if ca is None else ca.not_valid_after_utc.date().isoformat(),
        address=f"{secure_origin(request)}/login",
    )
