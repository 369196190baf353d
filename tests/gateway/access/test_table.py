"""The table: every registered route is in it, and each role is answered as it says."""

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from starlette.types import Message

from teleward_gateway.access import table
from teleward_gateway.access.doors import Door, Doorway
from teleward_gateway.access.roles import OF_ACCOUNTS, Role
from teleward_gateway.access.table import RULES, SOCKET, Rule
from teleward_gateway.access.table_page import page
from teleward_gateway.api.schemas import problem_response

from .conftest import NAMES, SEAT, Clinic

ROOT = Path(__file__).parents[3]


def registered(clinic: Clinic) -> set[tuple[str, str]]:
    """Return every route of the application by method."""
    found = set()
    for route in iter_route_contexts(clinic.app.routes):
        methods = getattr(route, "methods", None) or {SOCKET}
        found |= {(method, str(route.path)) for method in methods - {"HEAD"}}
    return found


def example(rule: Rule) -> str:
    """Return a path of a route, with a value at each place."""
    path = rule.path.replace("{path:path}", "core/tokens.css").replace("{subject}", "sim-01")
    return re.sub(r"\{\w+\}", "none", path)


async def test_every_route_is_listed_once(clinic: Clinic) -> None:
    listed = [(rule.method, rule.path) for rule in RULES]
    assert len(set(listed)) == len(listed)
    unlisted = registered(clinic) - set(listed)
    assert unlisted == set(), "add them to access/table.py: which roles may use them?"
    assert set(listed) <= registered(clinic), "listed and not there"


def test_no_path_is_of_two_routes() -> None:
    """The guard and the router could choose differently otherwise."""
    for one, other in combinations(RULES, 2):
        if one.method == other.method:
            clash = one.pattern.match(example(other)) or other.pattern.match(example(one))
            assert not clash, (one.path, other.path)


def test_the_page_is_that_of_the_table() -> None:
    assert (ROOT / "docs" / "access-table.md").read_text(encoding="utf-8") == page()


async def reached(clinic: Clinic, rule: Rule, cookies: str, token: str, door: Door) -> bool:
    """Return whether a request reaches the application behind the guard."""
    passed = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["path"])
        if scope["type"] == "http":
            await problem_response(299, "passed", "passed", "")(scope, receive, send)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        pass

    headers = [(b"host", b"ward.local:8443"), (b"cookie", cookies.encode())]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "websocket" if rule.method == SOCKET else "http", "method": rule.method,
        "path": example(rule), "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1),
        "server": ("ward.local", 8443), "scheme": "https",
    }  # fmt: skip
    if rule.method == SOCKET:
        del scope["method"]
    clinic.guard._gateway, gateway = behind, clinic.guard._gateway  # type: ignore[assignment]
    behind.state = gateway.state  # type: ignore[attr-defined]
    try:
        await Doorway(clinic.guard, door, lambda: NAMES, lambda: 8443)(scope, receive, send)
    finally:
        clinic.guard._gateway = gateway
    return bool(passed)


async def test_every_role_reaches_what_the_table_gives_it(clinic: Clinic) -> None:
    cookies: dict[Role, str] = {Role.NOBODY: "", Role.METRICS: "", Role.LEARNER: ""}
    for role in OF_ACCOUNTS:
        browser = await clinic.log_in(f"{role.value} one")
        cookies[role] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    cookies[Role.LEARNER] = f"teleward_seat={SEAT}"
    link, _ = clinic.access.sessions.add_link("kiosk", "", "", "test")
    cookies[Role.KIOSK] = f"__Host-teleward_kiosk={link}"
    token, _ = clinic.access.sessions.add_link("metrics", "", "", "test")
    wrong = []
    for role in Role:
        secret = token if role is Role.METRICS else ""
        for rule in RULES:
            found = await reached(clinic, rule, cookies[role], secret, Door.SECURE)
            if found is not (role in rule.roles):
                wrong.append((role.value, rule.method, rule.path, found))
    assert wrong == []
    for rule in RULES:  # without HTTPS nobody but a learner, and no login counts
        for role in (Role.OPERATOR, Role.KIOSK, Role.METRICS, Role.NOBODY):
            found = await reached(clinic, rule, cookies[role], token, Door.PLAIN)
            assert found is (rule.plain and Role.NOBODY in rule.roles), (role, rule.path)
        found = await reached(clinic, rule, cookies[Role.LEARNER], "", Door.PLAIN)
        assert found is (rule.plain and Role.LEARNER in rule.roles), rule.path
        assert await reached(clinic, rule, "", "", Door.LOOPBACK), rule.path


async def test_what_is_not_listed_is_for_the_console(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = tuple(rule for rule in RULES if rule.path != "/api/v1/alarms")
    monkeypatch.setattr(table, "RULES", rest)
    operator = await clinic.log_in("operator one")
    console = await clinic.browser(Door.LOOPBACK)
    assert (await operator.get("/api/v1/alarms")).status_code == 404
    assert (await console.get("/api/v1/alarms")).status_code == 200


async def test_the_screen_of_one_bed_shows_no_other(clinic: Clinic) -> None:
    secret, _ = clinic.access.sessions.add_link("kiosk", "sim-01", "hall", "test")
    screen = await clinic.browser()
    opened = await screen.get(f"/k/{secret}")
    assert (opened.status_code, opened.headers["location"]) == (303, "/bed/sim-01")
    statuses: dict[str, httpx.Response] = {
        path: await screen.get(path)
        for path in ("/bed/sim-01", "/api/v1/subjects/sim-01/limits", "/static/core/tokens.css",
                     "/bed/sim-02", "/ward", "/api/v1/subjects/sim-02/limits", "/api/v1/subjects",
                     "/api/v1/subjects/sim-02/observations")
    }  # fmt: skip
    assert [answer.status_code for answer in statuses.values()] == [200] * 3 + [403] * 5
    write = await screen.put("/api/v1/subjects/sim-01/limits", json={})
    assert write.status_code == 403
    clinic.access.sessions.end_link(clinic.access.sessions.links()[0].id)
    assert (await screen.get("/bed/sim-01")).status_code == 303, "to the login"
    assert (await screen.get(f"/k/{secret}")).status_code == 404
