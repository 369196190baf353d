"""Errors over HTTP: the caller's mistakes by their kind, ours as internal errors with a log."""

import logging
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from teleward_gateway.api.factory import create_app
from teleward_gateway.api.problems import STATUSES, add_problems, kind_of
from teleward_gateway.registry import RegistryConflict, RegistryError, Unknown
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TelewardError,
    TooMany,
    Unauthorized,
    Unavailable,
)


async def answer_to(error: Exception) -> httpx.Response:
    """Return what a request is answered whose handler raises ``error``."""
    app = FastAPI()
    add_problems(app)

    @app.post("/thing")
    async def thing() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post("/thing")


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (Invalid("spo2 200 is outside 0 to 100"), 422, "Invalid value"),
        (NotFound("no subject 'p9'"), 404, "Not found"),
        (Unauthorized("log in"), 401, "Log in first"),
        (Forbidden("a viewer may not"), 403, "Not allowed"),
        (Conflict("acknowledged already"), 409, "Not possible now"),
        (TooMany("40 rooms are open"), 429, "Too many"),
        (Unavailable("the journal cannot be written now"), 503, "Unavailable"),
        (RegistryError("device x needs a port"), 422, "Invalid value"),
        (RegistryConflict("bed 1 holds subject p1"), 409, "Not possible now"),
        (Unknown("no subject p2"), 404, "Not found"),
    ],
)
async def test_a_callers_mistake_has_its_kind_and_a_remedy(
    error: TelewardError, status: int, title: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(error)
    assert (answer.status_code, answer.json()["title"]) == (status, title)
    assert answer.json()["detail"] == str(error)
    assert answer.json()["remedy"]
    assert not [row for row in caplog.records if row.levelno >= logging.ERROR]


def shapes() -> Any:
    """Add arrays of different shapes: NumPy's ValueError is a defect of the program."""
    return np.zeros(3) + np.zeros(4)


def _raised(action: Any) -> Exception:
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    "error",
    [
        _raised(shapes),
        KeyError("inner"),
        _raised(lambda: int("inner")),
        LookupError("inner"),
        IndexError("inner"),
        RuntimeError("inner"),
        TelewardError("inner"),
    ],
)
async def test_a_defect_of_the_program_is_an_internal_error_with_its_traceback_in_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(error)
    assert answer.status_code == 500
    assert answer.json()["title"] == "Internal error"
    assert "inner" not in answer.text
    assert "broadcast" not in answer.text
    [row] = [row for row in caplog.records if row.name == "teleward_gateway.api.problems"]
    assert row.getMessage() == "POST /thing"
    assert row.exc_info is not None
    assert row.exc_info[1] is error


def test_every_kind_has_its_own_status() -> None:
    kinds = [kind.status for kind in STATUSES.values()]
    assert len(kinds) == len(set(kinds))
    assert kind_of(ValueError()).status == 500


async def test_an_undeclared_method_is_answered_with_those_there_are() -> None:
    app = create_app(WardFeed(1))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        document = (await client.get("/api/v1/openapi.json")).json()
        for path, operations in document["paths"].items():
            answer = await client.request("TRACE", path)
            assert answer.status_code == 405
            methods = {method.upper() for method in operations}
            assert set(answer.headers["Allow"].split(", ")) == methods, path


def test_every_refusal_is_described_as_it_is_sent() -> None:
    document = create_app(WardFeed(1)).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "422" not in operation["responses"], path
            for kind in ("4XX", "5XX"):
                content = operation["responses"][kind]["content"]
                assert set(content) == {"application/problem+json"}, (method, path)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"author": "x", "duration_s": True}, True),
        ({"author": "x", "duration_s": "1"}, True),
        ({"author": "x", "duration_s": 1}, False),
    ],
)
async def test_no_value_is_converted(body: dict[str, object], wrong: bool) -> None:
    transport = httpx.ASGITransport(create_app(WardFeed(1)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post("/api/v1/subjects/sim-01/audio-pause", json=body)
    assert answer.status_code == (422 if wrong else 200)
