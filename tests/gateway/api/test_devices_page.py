"""The commissioning page in a real browser: from a device in reach to a bound, streaming one."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page, expect, sync_playwright

from teleward_drivers.catalogue import catalogue
from teleward_drivers.radio import Radio
from teleward_gateway.api.factory import create_app
from teleward_gateway.api.view import GatewaySummary
from teleward_gateway.live import LiveHub
from teleward_gateway.registry import Change, Registry
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_signal.model import Provenance
from teleward_simulators.ble.heart_rate import HeartRate
from teleward_simulators.radio import bleak_backend
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sources import make_source

STRAP = "C0:00:00:00:00:01"
WAIT_MS = 30_000


class Gateway(threading.Thread):
    """Hub, strap, sessions and application in one loop of a thread."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        self.folder, self.port = folder, port
        self.registry = Registry(folder / "registry.sqlite", Provenance.SIMULATED)
        self.ready = threading.Event()

    def run(self) -> None:
        """Serve until stopped."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        hub = Hub()
        spec = await hub.start(f"unix:{self.folder}/air.sock")
        strap = HeartRate(make_source("simple:steady"), STRAP, name="Chest strap")
        await strap.start(hub.air)
        virtual = await bleak_backend.connect(f"virtual:{spec}")
        radio = Radio("virtual", virtual.client_kwargs, virtual.scanner_kwargs)
        sessions = SessionManager(catalogue(), radio, lambda *_: None, lambda *_: None)
        self.desk = Commissioning(self.registry, sessions, catalogue())
        self.loop = asyncio.get_running_loop()
        self._follow(sessions)
        self.server = uvicorn.Server(
            uvicorn.Config(self._app(), port=self.port, log_level="warning", lifespan="off")
        )
        serving = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.01)
        self.ready.set()
        await serving
        await self.desk.stop()
        await sessions.stop()
        await asyncio.sleep(0.05)  # the device goes back on the air before it is switched off
        await virtual.close()
        await strap.stop()
        await hub.stop()

    def _follow(self, sessions: SessionManager) -> None:
        def apply() -> None:
            self.following = self.loop.create_task(sessions.apply(self.registry.bound_devices()))

        def listener(change: Change) -> None:
            self.loop.call_soon_threadsafe(apply)

        self.registry.on_change(listener)

    def _app(self) -> FastAPI:
        summary = GatewaySummary("gw", "0", Provenance.SIMULATED, "j", 0, 1.25)
        view = SimpleNamespace(
            summary=lambda: summary,
            live=LiveHub({}),
            registry=self.registry,
            commissioning=self.desk,
            readings=SimpleNamespace(list=lambda device: []),
            health=None,
        )
        return create_app(view)

    def stop(self) -> None:
        """End and wait."""
        self.server.should_exit = True
        self.join()
        self.registry.close()


@pytest.fixture
def gateway(tmp_path: Path, unused_tcp_port: int) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, unused_tcp_port)
    gateway.start()
    assert gateway.ready.wait(20)
    yield gateway
    gateway.stop()


@pytest.fixture
def page(gateway: Gateway) -> Iterator[Page]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert found, "no Chromium: run scripts/install-system-packages"
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{gateway.port}/devices")
        yield page
        browser.close()
    assert errors == []


def fill(page: Page, dialog: str, **fields: str) -> None:
    """Fill the open dialog and save."""
    form = page.locator(f"#{dialog}-dialog")
    for name, value in {"author": "nurse", **fields}.items():
        field = form.locator(f"[name={name}]")
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    form.locator("button.primary").click()
    expect(form).to_be_hidden()


def test_admit_add_stream_move_and_remove(gateway: Gateway, page: Page) -> None:
    page.get_by_role("button", name="Admit").click()
    fill(page, "admit", label="P1", bed="Bed 1", detail="63 y, F")
    page.get_by_role("button", name="Admit").click()
    fill(page, "admit", label="P2")
    found = page.locator(f"[data-address='{STRAP}']")
    expect(found).to_contain_text("Chest strap")
    expect(found.locator(".live")).to_contain_text("HR 7")  # what it shows, before it is anybody's
    found.get_by_role("button", name="Add").click()
    shown = page.locator("#add-device-dialog .shown")
    expect(shown).to_contain_text("Does the device in your hand show the same?")
    assert gateway.registry.devices() == []
    fill(page, "add-device", label="Strap", target="bed:bed-1")
    expect(page.locator(".done")).to_have_text("Strap is added. Its values are on Bed 1 now.")
    assert gateway.desk.previews.addresses() == []
    device = page.locator("[data-device=strap]")
    expect(device).to_contain_text("streaming, Bed 1: P1")
    assert gateway.registry.subject_now("strap") == "p1"
    device.get_by_role("button", name="Move", exact=True).click()
    fill(page, "bind-device", target="subject:p2")
    expect(device).to_contain_text("feeds P2")
    device.get_by_role("button", name="Remove").click()
    fill(page, "ask")
    expect(device).to_have_count(0)
    assert [b.subject or b.bed for b in gateway.registry.bindings("strap")] == ["bed-1", "p2"]


def test_refusal_is_shown_with_its_reason_and_nothing_is_lost(gateway: Gateway, page: Page) -> None:
    for subject in ("p1", "p2"):
        page.get_by_role("button", name="Admit").click()
        form = page.locator("#admit-dialog")
        for name, value in {"author": "nurse", "label": subject, "bed": "Bed 1"}.items():
            form.locator(f"[name={name}]").fill(value)
        form.get_by_role("button", name="Admit").click()
        if subject == "p1":
            expect(form).to_be_hidden()
    expect(form.get_by_role("alert")).to_contain_text(
        "Bed 1 is taken: discharge or move the patient there first."
    )
    expect(form.locator("[name=label]")).to_have_value("p2")


def test_passkey_is_typed_on_the_page(gateway: Gateway, page: Page) -> None:
    page.get_by_role("button", name="Admit").click()
    fill(page, "admit", label="P1")
    page.locator(f"[data-address='{STRAP}']").get_by_role("button", name="Add").click()
    fill(page, "add-device", label="strap", target="nobody")
    waiting = asyncio.run_coroutine_threadsafe(gateway.desk.pairing.passkey(STRAP), gateway.loop)
    banner = page.locator(".pairing")
    expect(banner).to_contain_text("strap shows six digits")
    banner.locator("[name=passkey]").fill("271828")
    banner.locator("[name=author]").fill("nurse")
    banner.get_by_role("button", name="Pair").click()
    assert waiting.result(20) == 271828
    expect(banner).to_have_count(0)


def test_phone_shows_everything_without_sideways_scrolling(gateway: Gateway, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator(f"[data-address='{STRAP}']")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_discharge_is_called_so_and_the_next_of_that_name_is_somebody_else(
    gateway: Gateway, page: Page
) -> None:
    page.get_by_role("button", name="Admit").click()
    fill(page, "admit", label="Anna", bed="Bed 4", detail="63 y, F")
    row = page.locator("[data-subject=anna]")
    expect(row).to_contain_text("Bed 4")
    expect(row).to_contain_text("63 y, F")
    row.get_by_role("button", name="Discharge").click()
    form = page.locator("#ask-dialog")
    expect(form.locator("button.primary")).to_have_text("Discharge bed 4")
    fill(page, "ask")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Admit").click()
    fill(page, "admit", label="Anna", bed="Bed 4")
    expect(page.locator("[data-subject=anna-2]")).to_contain_text("Bed 4")
    assert [subject.id for subject in gateway.registry.subjects()] == ["anna-2"]
