"""A FHIR server that does what real ones do at their worst: loses answers, races, asks to wait.

A lost answer: the entries are carried out, now or ``late_s`` after the connection has gone. Two
creations of one identifier that are under way together make two resources.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

Resource = dict[str, Any]


class StrictServer:
    """``stored`` holds resources by (kind, id); ``script`` what happens to the next requests."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], Resource] = {}
        self.script: deque[str | web.Response] = deque()
        self.refuse: Callable[[Resource], bool] = lambda resource: False
        self.whole: Callable[[list[Resource]], bool] = lambda entries: False
        self.token_life = 0
        """Requests that a token lasts; 0: none is needed."""
        self.tokens: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most_under_way = 0
        self.requests = self.repeated = 0
        self.late_s = 0.0
        self.sizes: list[int] = []
        self.problems: list[str] = []
        self.url = ""
        self._late: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen at a free port."""
        application = web.Application(client_max_size=1 << 26)
        application.router.add_post("/fhir", self._batch)
        application.router.add_post("/token", self._token)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/fhir"

    async def stop(self) -> None:
        """Finish what is under way, and close the port."""
        if self._late:
            await asyncio.gather(*self._late)
        if self._runner is not None:
            await self._runner.cleanup()

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a kind."""
        return [resource for (found, _), resource in self.stored.items() if found == kind]

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        right = request.headers.get("Authorization") == "Basic Z3c6c2VjcmV0"
        if not right or form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"t{len(self.tokens)}"
        self.tokens[token] = self.token_life
        return web.json_response({"access_token": token, "expires_in": 3600})

    async def _batch(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        bundle = json.loads(await request.read())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token_life:
            if self.tokens[token] <= 0:
                return web.json_response({"resourceType": "OperationOutcome"}, status=401)
            self.tokens[token] -= 1
        what = self.script.popleft() if self.script else ""
        if isinstance(what, web.Response):
            return what
        entries = bundle["entry"]
        self.sizes.append(len(entries))
        if self.whole([entry["resource"] for entry in entries]):
            issue = [{"code": "invalid", "details": {"text": "bad bundle"}}]
            outcome = {"resourceType": "OperationOutcome", "issue": issue}
            return web.json_response(outcome, status=400)
        if what == "lost":
            task = asyncio.create_task(self._later(entries))
            self._late.add(task)
            if not self.late_s:
                await task
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        found = await self._carry_out(entries)
        return web.json_response(
            {"resourceType": "Bundle", "type": "batch-response", "entry": found}
        )

    async def _later(self, entries: list[Resource]) -> None:
        await asyncio.sleep(self.late_s)
        await self._carry_out(entries)

    async def _carry_out(self, entries: list[Resource]) -> list[Resource]:
        """Carry the entries out side by side: search first, create afterwards, as servers do."""
        keys = [self._key(entry) for entry in entries]
        if len(set(keys)) < len(keys):
            self.problems.append("an identifier is twice in a bundle")
        return list(await asyncio.gather(*map(self._entry, entries, keys)))

    def _key(self, entry: Resource) -> str:
        request = entry["request"]
        if request["method"] == "PUT":
            return str(request["url"])
        return f"{request['url']} {parse_qs(request['ifNoneExist'])['identifier'][0]}"

    async def _entry(self, entry: Resource, key: str) -> Resource:
        self.under_way[key] += 1
        self.most_under_way = max(self.most_under_way, self.under_way[key])
        try:
            resource, request = entry["resource"], entry["request"]
            kind = resource["resourceType"]
            if self.refuse(resource):
                issue = [{"details": {"text": "value"}, "expression": ["Observation.value"]}]
                return _answer("422 Unprocessable", outcome={"issue": issue})
            if request["method"] == "PUT":
                name = request["url"].rpartition("/")[2]
                known = (kind, name) in self.stored
                self.stored[kind, name] = resource
                self.repeated += known
                return _answer("200 OK" if known else "201 Created")
            system, _, value = parse_qs(request["ifNoneExist"])["identifier"][0].partition("|")
            value = value.replace("\\", "")
            matches = [
                name
                for (found, name), one in self.stored.items()
                if found == kind and {"system": system, "value": value} in one["identifier"]
            ]
            await asyncio.sleep(0)
            if len(matches) > 1:
                return _answer("412 Precondition Failed")
            if matches:
                self.repeated += 1
                return _answer("200 OK", location=f"http://x/fhir/{kind}/{matches[0]}/_history/1")
            name = str(len(self.stored))
            self.stored[kind, name] = resource
            return _answer("201 Created", location=f"{kind}/{name}/_history/1")
        finally:
            self.under_way[key] -= 1


def _answer(status: str, **more: Any) -> Resource:
    return {"response": {"status": status, **more}}
