"""Commissioning through the API: the gateway's own application with a virtual radio behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from teleward_drivers.catalogue import catalogue
from teleward_drivers.radio import Radio
from teleward_gateway.api.factory import create_app
from teleward_gateway.api.view import GatewaySummary
from teleward_gateway.live import LiveHub
from teleward_gateway.registry import Change, Device, Registry
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_signal.model import Provenance
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.radio import bleak_backend
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sources import make_source

STRAP = "C0:00:00:00:00:01"
NURSE = {"author": "nurse"}


class Gateway:
    """The parts that commissioning needs, joined as the gateway joins them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = Hub()
        self.registry = Registry(folder / "registry.sqlite", Provenance.SIMULATED)
        self.changes: list[Change] = []
        self.strap = HeartRate(make_source("simple:steady"), STRAP)

    async def open(self) -> None:
        spec = await self.hub.start(f"unix:{self.folder}/air.sock")
        await self.strap.start(self.hub.air)
        self.virtual = await bleak_backend.connect(f"virtual:{spec}")
        radio = Radio("virtual", self.virtual.client_kwargs, self.virtual.scanner_kwargs)
        self.sessions = SessionManager(catalogue(), radio, lambda *_: None, lambda *_: None)
        self.desk = Commissioning(self.registry, self.sessions, catalogue())
        self.registry.on_change(self.changes.append)
        summary = GatewaySummary("gw", "0", Provenance.SIMULATED, "j", 0, 1.25)
        view = SimpleNamespace(
            summary=lambda: summary,
            live=LiveHub({}),
            registry=self.registry,
            commissioning=self.desk,
            health=None,
        )
        transport = httpx.ASGITransport(create_app(view))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1")

    async def ask(
        self, method: str, path: str, status: int = 200, body: Any = None, **query: Any
    ) -> Any:
        answer = await self.http.request(method, path, json=body, params=query)
        assert answer.status_code == status, answer.text
        await self.sessions.apply(self.registry.bound_devices())
        return answer.json() if answer.content else None

    async def close(self) -> None:
        await self.http.aclose()
        await self.desk.stop()
        await self.sessions.stop()
        await asyncio.sleep(0.05)  # the device goes back on the air before it is switched off
        await self.virtual.close()
        await self.strap.stop()
        await self.hub.stop()
        self.registry.close()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path)
    await gateway.open()
    yield gateway
    await gateway.close()


def new(device: str, address: str, **more: Any) -> dict[str, Any]:
    return {"id": device, "driver": "heart-rate", "address": address, **NURSE, **more}


async def test_from_a_stranger_in_reach_to_a_streaming_device(gateway: Gateway) -> None:
    ask = gateway.ask
    rows: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not rows:
            rows = await ask("GET", "/commissioning/scan")
            await asyncio.sleep(0.05)
    assert rows[0]["address"] == STRAP
    assert rows[0]["drivers"] == ["heart-rate"]
    assert rows[0]["device"] is None
    await ask("POST", "/subjects", 201, {"id": "p1", "bed": "bed-1", **NURSE})
    made = await ask("POST", "/devices", 201, new("strap", STRAP, bed="bed-1"))
    assert (made["feeds"], made["binding"]["bed"]) == ("p1", "bed-1")
    async with asyncio.timeout(10):
        while (row := await ask("GET", "/devices/strap"))["session"]["state"] != "streaming":
            await asyncio.sleep(0.05)
    assert row["verification"]
    rows = await ask("GET", "/commissioning/scan")
    assert rows == [] or (rows[0]["device"], rows[0]["feeds"]) == ("strap", "p1")


async def test_patient_moves_device_is_swapped_history_answers(gateway: Gateway) -> None:
    ask = gateway.ask
    for subject, bed in (("p1", "bed-1"), ("p2", "bed-2")):
        await ask("POST", "/subjects", 201, {"id": subject, "bed": bed, **NURSE})
    await ask("POST", "/devices", 201, new("strap", STRAP, subject="p1"))
    await ask("POST", "/devices", 201, new("spare", "C0:00:00:00:00:02"))
    problem = await ask("PUT", "/devices/strap/binding", 409, {"subject": "p2", **NURSE})
    assert "cannot feed two" in problem["detail"]
    first = await ask(
        "PUT", "/devices/strap/binding", 200, {"subject": "p2", "move": True, **NURSE}
    )
    await ask("POST", "/devices/strap/swap", 200, {"new": "spare", **NURSE})
    moved = await ask("POST", "/subjects/p2/move", 200, {"bed": "bed-3", **NURSE})
    assert (moved["bed"], moved["devices"]) == ("bed-3", ["spare"])
    history = await ask("GET", "/bindings", device="strap")
    assert [row["subject"] for row in history] == ["p1", "p2"]
    whose = await ask("GET", "/bindings/whose", device="strap", time_ns=first["from_ns"] - 1)
    assert (whose["subject"], whose["provenance"]) == ("p1", "simulated")
    gone = await ask("POST", "/subjects/p2/discharge", 200, NURSE)
    assert gone["discharged"] is not None
    assert (await ask("GET", "/devices/spare"))["feeds"] is None
    assert [s["id"] for s in await ask("GET", "/subjects")] == ["p1"]
    stays = await ask("GET", "/stays", subject="p2")
    assert [(s["bed"], s["until"] is None) for s in stays] == [("bed-2", False), ("bed-3", False)]
    assert {change.author for change in gateway.changes} == {"nurse"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (new("a b", STRAP), "use 1 to 64"),
        (new("strap", "/dev/ttyUSB0"), "needs a Bluetooth address"),
        (new("strap", STRAP) | {"driver": "nothing"}, "no driver 'nothing'"),
        (new("strap", STRAP, options={"colour": 1}), "unknown option 'colour'"),
        (new("strap", STRAP, options={"silence_s": "long"}), "silence_s must be seconds"),
        (new("strap", STRAP, subject="nobody"), "nobody is not admitted"),
    ],
)
async def test_device_that_cannot_be_is_refused_with_its_reason(
    gateway: Gateway, body: dict[str, Any], reason: str
) -> None:
    answer = await gateway.http.post("/devices", json=body)
    assert answer.status_code in (404, 422)
    assert reason in answer.json()["detail"]
    assert gateway.registry.devices() == []


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"limits": "all"}, "unknown key"),
        ({"limits": {"metrics": 5}}, "limits"),
        ({"spo2_scale": 3}, "1 or 2"),
        ({"channel_labels": "MLII"}, "channel_labels"),
        ({"note": "x" * 20_000}, "at most"),
    ],
)
async def test_attributes_that_nothing_can_use_are_refused(
    gateway: Gateway, attributes: dict[str, Any], reason: str
) -> None:
    body = {"id": "p1", "attributes": attributes, **NURSE}
    assert reason in (await gateway.ask("POST", "/subjects", 422, body))["detail"]
    assert gateway.registry.subjects() == []


async def test_orders_need_a_command_and_a_connection(gateway: Gateway) -> None:
    ask = gateway.ask
    assert "not registered" in (await ask("POST", "/devices/x/commands/y", 404, NURSE))["detail"]
    await ask("POST", "/devices", 201, new("spare", "C0:00:00:00:00:02"))
    assert "feeds nobody" in (await ask("POST", "/devices/spare/commands/y", 409, NURSE))["detail"]
    await ask("POST", "/subjects", 201, {"id": "p1", **NURSE})
    await ask("PUT", "/devices/spare/binding", 200, {"subject": "p1", **NURSE})
    assert "no command" in (await ask("POST", "/devices/spare/commands/y", 422, NURSE))["detail"]


async def test_removed_device_is_gone_from_the_list_but_not_from_history(gateway: Gateway) -> None:
    ask = gateway.ask
    await ask("POST", "/subjects", 201, {"id": "p1", **NURSE})
    made = await ask("POST", "/devices", 201, new("strap", STRAP, subject="p1"))
    await ask("PATCH", "/devices/strap", 200, {"label": "Polar", **NURSE})
    assert (await ask("GET", "/devices/strap"))["label"] == "Polar"
    await ask("DELETE", "/devices/strap", 204, author="nurse")
    assert await ask("GET", "/devices") == []
    since = made["binding"]["from_ns"]
    assert (await ask("GET", "/bindings/whose", device="strap", time_ns=since))["subject"] == "p1"


async def test_passkey_reaches_the_device_that_waits(gateway: Gateway) -> None:
    ask = gateway.ask
    await ask("POST", "/devices", 201, new("strap", STRAP))
    waiting = asyncio.create_task(gateway.desk.pairing.passkey(STRAP))
    async with asyncio.timeout(30):
        while not (rows := await ask("GET", "/commissioning/pairings")):
            await asyncio.sleep(0.01)
    assert rows[0]["device"] == "strap"
    await ask("POST", f"/commissioning/pairings/{STRAP}", 204, {"passkey": 271828, **NURSE})
    assert await waiting == 271828
    await ask("POST", f"/commissioning/pairings/{STRAP}", 404, {"passkey": 271828, **NURSE})


async def test_printed_passkey_is_kept_to_itself(gateway: Gateway) -> None:
    made = await gateway.ask(
        "POST", "/devices", 201, new("strap", STRAP, options={"passkey": 271828})
    )
    assert made["options"] == {"passkey": "set"}
    assert await gateway.desk.pairing.passkey(STRAP) == 271828


async def test_hidden_passkey_that_is_sent_back_stays(gateway: Gateway) -> None:
    made = await gateway.ask(
        "POST", "/devices", 201, new("strap", STRAP, options={"passkey": 271828})
    )
    changed = {"options": {**made["options"], "silence_s": 20.0}, **NURSE}
    sent = await gateway.ask("PATCH", "/devices/strap", 200, changed)
    assert sent["options"] == {"passkey": "set", "silence_s": 20.0}
    assert gateway.registry.device("strap").options["passkey"] == 271828


async def test_two_who_change_a_device_at_once_undo_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passkey that was changed while another change was under way is not put back."""
    await gateway.ask("POST", "/devices", 201, new("strap", STRAP, options={"passkey": 271828}))
    registry, change = gateway.registry, gateway.registry.change_device

    def later(*arguments: Any) -> Device:
        change("strap", {"options": {"passkey": 314159}})
        return change(*arguments)

    monkeypatch.setattr(registry, "change_device", later)
    hidden = {"label": "Bela's", "options": {"passkey": "set"}, **NURSE}
    await gateway.ask("PATCH", "/devices/strap", 200, hidden)
    assert registry.device("strap").options["passkey"] == 314159
    assert registry.device("strap").label == "Bela's"


async def test_ports_and_drivers_are_listed(gateway: Gateway) -> None:
    assert isinstance(await gateway.ask("GET", "/commissioning/ports"), list)
    drivers = {row["name"]: row for row in await gateway.ask("GET", "/drivers")}
    assert drivers["heart-rate"]["link"] == "ble"


async def test_scan_ends_when_nobody_looks(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teleward_gateway.sessions.commissioning.LEASE_S", 0.2)
    await gateway.ask("GET", "/commissioning/scan")
    scan = gateway.desk._scan
    assert scan is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            await scan
    assert scan.done()


@pytest.mark.parametrize(
    "port",
    [
        "spy:///dev/null?file={}",
        "spy://loop://?file={}",
        "socket://127.0.0.1:22",
        "rfc2217://127.0.0.1:22",
        "loop://",
        "/dev/zero",
        "{}",
        "/etc/passwd",
    ],
)
async def test_only_serial_ports_of_this_machine_are_opened_by_a_request(
    gateway: Gateway, tmp_path: Path, port: str
) -> None:
    """``spy://`` emptied any file of this user; ``socket://`` reached any server."""
    journal = tmp_path / "journal.sqlite3"
    journal.write_text("records")
    place = port.format(journal)
    for ask in (False, True):
        body = {"path": place, "ask": ask}
        await gateway.ask("POST", "/commissioning/ports/detect", 422, body)
    device = {"id": "ox-9", "driver": "cms50d", "address": place, "author": "nurse"}
    await gateway.ask("POST", "/devices", 422, device)
    assert journal.read_text() == "records"
