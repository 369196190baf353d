"""The dashboard's files: right types, an ETag by content, and compressed once.

A page always asks whether its files changed (``no-cache``), so an upgrade never mixes versions, and
gets 304 without a body when they did not.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from teleward_gateway.api.schemas import problem_response
from teleward_gateway.api.security import SECURITY_HEADERS

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
"""Spelled out: the machine's own table may call JavaScript text/plain, which browsers refuse."""
FOLDERS = frozenset(
    {"", "core", "waves", "alarms", "trends", "pages", "i18n", "vendor", "vendor/directives"}
)
COMMENT = re.compile(rb"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*$", re.MULTILINE | re.DOTALL)
CAST = re.compile(rb"/\*\* @(?:type|param) \{(?:(?!\*/).)*\*/ ?", re.DOTALL)
"""Types within a line of code."""
STYLE_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
STYLE_BREAK = re.compile(rb"\s*\n\s*")
NOT_SERVED = frozenset({"package.json", "package-lock.json", "tsconfig.json"})

PARTS = frozenset({"css", "js", "json"})
"""What a page loads. Its own policy binds them: theirs would be a fifth of the first load."""
WORKERS = frozenset({"core/ticker.js", "core/service_worker.js"})
"""Scripts whose policy is that of their own answer."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to send."""

    body: bytes
    packed: bytes
    media_type: str
    etag: str


@router.get("/")
async def root() -> Response:
    """Send the visitor to the ward."""
    return RedirectResponse("/ward", 307)


@router.get("/ward")
async def ward(request: Request) -> Response:
    """The central station."""
    return answer(request, "pages/ward.html")


@router.get("/bed/{subject}")
async def bed(request: Request, subject: str) -> Response:
    """The bedside monitor; the page reads the subject from its address."""
    return answer(request, "pages/bed.html")


@router.get("/bed/{subject}/strip")
async def strip(request: Request, subject: str) -> Response:
    """A stretch of the record on ECG paper; the page reads subject and time from its address."""
    return answer(request, "pages/strip.html")


@router.get("/bed/{subject}/trends")
async def trends(request: Request, subject: str) -> Response:
    """Trends of an hour to a month; the page reads subject and time from its address."""
    return answer(request, "pages/trends.html")


@router.get("/bed/{subject}/news2")
async def news2(request: Request, subject: str) -> Response:
    """The NEWS2 observation chart of a subject."""
    return answer(request, "pages/news2_chart.html")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """The reference of the API, drawn from its OpenAPI description."""
    return answer(request, "pages/docs.html")


@router.get("/devices")
async def devices(request: Request) -> Response:
    """The commissioning page."""
    return answer(request, "pages/devices.html")


@router.get("/service-worker.js")
async def service_worker(request: Request) -> Response:
    """The worker that keeps the pages' files; it serves the addresses below its own, thus here."""
    return answer(request, "core/service_worker.js")


@router.get("/manifest.webmanifest")
async def manifest(request: Request) -> Response:
    """What an installed ward page is called and how it opens."""
    return answer(request, "core/manifest.webmanifest")


@router.get("/static/{path:path}")
async def static(request: Request, path: str) -> Response:
    """A file of the dashboard."""
    return answer(request, path)


def answer(request: Request, path: str) -> Response:
    """Return the file, 304 when the page has it, or 404."""
    try:
        asset = load(path)
    except FileNotFoundError:
        return missing(path)
    is_part = path.rpartition(".")[2] in PARTS and path not in WORKERS
    headers = {
        **({"X-Content-Type-Options": "nosniff"} if is_part else SECURITY_HEADERS),
        "ETag": asset.etag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if asset.etag in known:
        return Response(status_code=304, headers=headers)
    body = asset.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = asset.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=asset.media_type)


def missing(path: str) -> Response:
    """Answer 404 with the remedy for a file that should be there."""
    remedy = "Open /ward."
    if path.startswith("vendor/"):
        remedy = "Fetch the browser libraries with: scripts/vendor-browser-libraries"
    return problem_response(404, "No such file", f"The dashboard has no file {path!r}.", remedy)


def load(path: str) -> Asset:
    """Return the file ``path`` of the dashboard folder; FileNotFoundError when it has none."""
    folder, _, name = path.rpartition("/")
    suffix = name.rpartition(".")[2]
    if folder not in FOLDERS or suffix not in MEDIA_TYPES or name in NOT_SERVED or "\\" in path:
        raise FileNotFoundError(path)
    place: Traversable = files("teleward_gateway") / "dashboard"
    place = place / folder / name if folder else place / name
    if not place.is_file():
        raise FileNotFoundError(path)
    body = place.read_bytes()
    if suffix == "js" and not folder.startswith("vendor"):  # those keep their licences
        body = without_comments(body)
    elif suffix == "css":
        body = STYLE_BREAK.sub(b"\n", STYLE_COMMENT.sub(b"", body))
    return pack(body, MEDIA_TYPES[suffix])


@lru_cache(maxsize=256)
def without_comments(script: bytes) -> bytes:
    """Return a script without comments and types; every line of code keeps its number.

    Types and reasons are a fifth of what a page would load.
    """
    for pattern in (COMMENT, CAST):
        script = pattern.sub(lambda found: b"\n" * found[0].count(b"\n"), script)
    return script


@lru_cache(maxsize=256)
def pack(body: bytes, media_type: str) -> Asset:
    """Return the body with its compressed form and ETag; the cache is by content."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return Asset(body, gzip.compress(body, 9, mtime=0), media_type, etag)
