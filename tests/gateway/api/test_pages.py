"""The page files: types, ETag, compression, policy, and nothing that is not meant to be served."""

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from teleward_gateway.api.factory import create_app
from teleward_gateway.api.pages import COMMENT, without_comments
from teleward_gateway.testing.ward_feed import WardFeed


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(WardFeed(1)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/ward", "text/html; charset=utf-8"),
        ("/bed/sim-01", "text/html; charset=utf-8"),
        ("/bed/sim-01/strip", "text/html; charset=utf-8"),
        ("/static/pages/ward.js", "text/javascript; charset=utf-8"),
        ("/static/core/tokens.css", "text/css; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/service-worker.js", "text/javascript; charset=utf-8"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/static/vendor/lit-html.js", "text/javascript; charset=utf-8"),
        ("/static/vendor/directives/repeat.js", "text/javascript; charset=utf-8"),
    ],
)
async def test_files_have_their_type_and_the_policy(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers.get("content-security-policy", "")
    if path.startswith("/static/") and not path.endswith(".svg"):
        assert not policy, "a script is bound by the policy of its page"
    else:
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


async def test_an_unchanged_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/static/pages/ward.js")
    again = await client.get(
        "/static/pages/ward.js", headers={"if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get("/static/pages/ward.js", headers={"if-none-match": '"other"'})
    assert other.status_code == 200


async def test_files_are_compressed_for_those_who_ask(client: httpx.AsyncClient) -> None:
    packed = await client.get("/static/core/tokens.css", headers={"accept-encoding": "gzip"})
    plain = await client.get("/static/core/tokens.css", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/package.json",
        "/static/package-lock.json",
        "/static/../view.py",
        "/static/%2e%2e/view.py",
        "/static/vendor/../../view.py",
        "/static/vendor/.stamp",
        "/static/..%2fschema.json",
        "/static/nothing.js",
        "/static/",
    ],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["remedy"]


async def test_the_root_leads_to_the_ward(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/ward")


def test_scripts_lose_comments_and_nothing_else() -> None:
    script = b"""// @ts-check
/** Doc
 * of two lines. */
export const a = /** @type {any} */ (b);
/** @type {any} */ (c).d = "// kept"; // kept
  // gone
const url = `http://x`;
"""
    assert (
        without_comments(script)
        == b"""


export const a = (b);
(c).d = "// kept"; // kept

const url = `http://x`;
"""
    )
    folder = Path(str(files("teleward_gateway") / "dashboard"))
    scripts = [path for path in folder.rglob("*.js") if "vendor" not in path.parts]
    for path in scripts:
        text = path.read_bytes()
        assert without_comments(text).count(b"\n") == text.count(b"\n"), path
        for found in COMMENT.finditer(text):  # none of them is text of a template
            before = COMMENT.sub(b"", text[: found.start()])
            assert before.count(b"`") % 2 == 0, (path, found[0])
