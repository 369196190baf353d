"""Everything that a bed page can show, from simulated modules on one patient, in a browser.

`make pictures` keeps what was seen: the pictures of the documentation.
"""

import asyncio
import os
import shutil
import socket
import time
from pathlib import Path

import pytest
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from teleward_gateway.parts import KERNELS
from teleward_gateway.testing.running_gateway import running
from teleward_signal.engine.engine import Engine
from teleward_simulators.fleet import DeviceSpec, Fleet, SourceKey
from teleward_simulators.physiology.patient import Order, PhysiologyPatient
from teleward_simulators.sensors.sensed import SensedPatient
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.bedside_modules import MODULES

LIVED_S = 60.0
WAIT_MS = 60_000
PHONE: ViewportSize = {"width": 390, "height": 844}


def settings(folder: Path, port: int, ports: dict[str, str]) -> str:
    """Return a gateway at ``port`` with one subject and a module at each of ``ports``."""
    devices = "\n".join(
        f'[[devices]]\nid = "{name}"\ndriver = "framed-serial"\nport = "{port}"\nsubject = "anna"'
        for name, port in ports.items()
    )
    return f"""
gateway = {{name = "test", mode = "simulated", data_folder = "{folder}"}}
radio = {{adapter = "off"}}
embedded_broker = {{enabled = false}}
api = {{port = {port}}}
subjects = [{{id = "anna", bed = "3"}}]
{devices}
"""


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def keep(page: Page, name: str) -> None:
    """Keep what is seen, when pictures are wanted."""
    folder = os.environ.get("TELEWARD_PICTURES")
    if folder:
        await page.screenshot(path=f"{folder}/{name}.png")


async def see(page: Page, patient: PhysiologyPatient) -> None:
    """Check what the page shows; the patient is shocked in front of it."""
    tiles = page.locator("#numerics")
    await expect(tiles.locator("[data-metric=arterial] output")).to_contain_text(
        "/", timeout=WAIT_MS
    )
    for metric in ("etco2", "urine_volume", "drain_volume"):
        await expect(tiles.locator(f"[data-metric={metric}] output")).not_to_have_text(
            "--", timeout=WAIT_MS
        )
    for channel in ("ecg_ii", "arterial_pressure", "capnogram"):
        await expect(page.locator(f"[data-channel={channel}]")).to_be_attached(timeout=WAIT_MS)
    patient.do("act", name="sync_shock", dose="100 J")
    event = page.locator("#events li").first
    await expect(event).to_contain_text("Shock 1 delivered: 100 J, synchronised", timeout=WAIT_MS)
    await asyncio.sleep(4.0 if os.environ.get("TELEWARD_PICTURES") else 0.0)


@pytest.fixture
def patient() -> PhysiologyPatient:
    """A bleeding patient whose heart races."""
    made = PhysiologyPatient(seed=5)
    made.order(Order(0, "knob", {"name": "bleed", "to": 3.0}))
    made.order(Order(100, "rhythm", {"name": "vt"}))
    made.live(LIVED_S)
    return made


@pytest.mark.slow
async def test_the_bed_page_shows_every_module(tmp_path: Path, patient: PhysiologyPatient) -> None:
    await asyncio.to_thread(Engine().warm, None, KERNELS)  # the page waits for no compiler
    specs = [
        DeviceSpec("framed-serial", "anna", "given", str(tmp_path / name), options={"module": name})
        for name in MODULES
    ]
    sources: dict[SourceKey, VitalSource] = {("anna", "given", 0): SensedPatient(patient)}
    start_s = time.monotonic() - LIVED_S
    fleet = Fleet(specs, ports=tmp_path / "p", start=start_s, sources=sources)
    await fleet.start()
    ports = {name: str(tmp_path / name) for name in MODULES}
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    port = free_port()
    bed = f"http://127.0.0.1:{port}/bed/anna"
    try:
        text = settings(tmp_path / "data", port, ports)
        async with running(text), async_playwright() as web:
            browser = await web.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = await browser.new_page(viewport={"width": 1280, "height": 720})
            await page.goto(bed)
            await see(page, patient)
            await keep(page, "bed-modules")
            phone = await browser.new_page(viewport=PHONE)
            await phone.goto(bed)
            await expect(phone.locator("#events li").first).to_contain_text(
                "Shock 1", timeout=WAIT_MS
            )
            wide = await phone.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE["width"], "nothing beyond the edge of a phone"
            await keep(phone, "bed-modules-phone")
            await browser.close()
    finally:
        await fleet.stop()
