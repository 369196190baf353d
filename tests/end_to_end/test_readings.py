"""Readings of devices with calendars, from the radio to every sink: whose, when, and once each.

Every device was anna's for a day and has been bert's for ten minutes. Their calendars stand as
users report: 16 minutes slow, in another zone, at the factory's date. All are measured now, lose
their link twice and see the gateway start again twice.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from bumble.gatt import Service
from playwright.async_api import async_playwright

from teleward_gateway.clock import GatewayClock
from teleward_gateway.commands.run import open_radio
from teleward_gateway.registry.model import Device, Subject
from teleward_gateway.registry.store import Registry
from teleward_gateway.testing.running_demo import Messages
from teleward_gateway.testing.running_gateway import running
from teleward_gateway.testing.servers import Influx, Mosquitto, free_port
from teleward_signal.model import Provenance
from teleward_simulators import catalogue
from teleward_simulators.ble.glucose import GlucoseMeter
from teleward_simulators.ble.home_cuff import HomeCuff
from teleward_simulators.ble.on_demand import OnDemand
from teleward_simulators.ble.peripheral import Peripheral
from teleward_simulators.radio.hub import Hub
from teleward_simulators.sources import make_source

MINUTE_NS = 60 * 10**9
WAIT_S = 60.0
"""Far more than anything here takes: what never comes is reported, a slow machine is not."""

# name, driver, kind, metric, options, how many records are bert's, and how many anna's
DEVICES: list[tuple[str, str, str, str, dict[str, Any], int, int]] = [
    ("cuff", "blood-pressure", "home-cuff", "nibp_systolic",
     {"calendar": "slow", "keep": True, "first_s": 1.0, "cuff_s": 0.5}, 1, 0),
    ("ear", "thermometer", "thermometer", "body_temperature",
     {"calendar": "factory", "first_s": 1.0, "interval_s": 3600.0}, 1, 0),
    ("scale", "weight-scale", "weight-scale", "body_weight",
     {"calendar": "india", "first_s": 1.0}, 1, 0),
    ("spot", "pulse-oximeter", "spot-oximeter", "spo2",
     {"calendar": "slow", "stored": 2, "first_s": 1.0}, 1, 2),
    ("meter", "glucose", "glucose", "glucose",
     {"calendar": "factory", "stored": 26, "interval_s": 3600.0, "first_s": 0.0}, 1, 24),
    ("sensor", "cgm", "cgm", "glucose", {"stored": 6, "interval_s": 3600.0}, 1, 3),
    ("mute", "blood-pressure", "home-cuff", "nibp_systolic",
     {"calendar": "factory", "keep": True, "first_s": 1.0, "cuff_s": 0.5}, 0, 0),
]  # fmt: skip
ADDRESSES = {row[0]: f"C0:00:00:00:00:{k:02X}" for k, row in enumerate(DEVICES, 1)}
WANTED = {
    (name, subject): count
    for name, *_, of_bert, of_anna in DEVICES
    for subject, count in (("bert", of_bert), ("anna", of_anna))
    if count
}
METRICS = {row[0]: row[3] for row in DEVICES}


class MuteCuff(HomeCuff):
    """A cuff whose clock cannot be read."""

    def services(self) -> list[Service]:
        return super().services()[:1]


class Ward:
    """One data folder, its servers and devices; gateways come and go."""

    def __init__(self, folder: Path, broker: Mosquitto, influx: Influx) -> None:
        self.folder, self.port, self.hub = folder, free_port(), Hub()
        self.spec = f"unix:{folder}/air.sock"
        self.settings = (
            f'[gateway]\nname = "readings"\nmode = "simulated"\ndata_folder = "{folder}/data"\n'
            f'[radio]\nadapter = "virtual:{self.spec}"\n[api]\nport = {self.port}\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
            f'[influx]\nurl = "{influx.url}"\ntoken = "teleward"\n'
        )
        self.devices: dict[str, Peripheral] = {}

    def admit(self) -> None:
        """Admit two subjects; the devices were anna's for a day, and are bert's for 12 minutes."""
        (self.folder / "data" / "simulated").mkdir(parents=True)
        now_ns = GatewayClock().now().time_ns
        moment = [now_ns - 24 * 60 * MINUTE_NS - 30 * MINUTE_NS]
        file = self.folder / "data" / "simulated" / "registry.sqlite"
        registry = Registry(file, Provenance.SIMULATED, lambda: moment[0])
        for who in ("anna", "bert"):
            registry.admit(Subject(who, provenance=Provenance.SIMULATED))
        for name, driver, *_ in DEVICES:
            device = Device(name, driver, ADDRESSES[name], provenance=Provenance.SIMULATED)
            registry.add_device(device, subject="anna")
        moment[0] = now_ns - 12 * MINUTE_NS
        for name, *_ in DEVICES:
            registry.move_device(name, "bert")
        registry.close()

    async def switch_on(self) -> None:
        """Switch every device on."""
        source = make_source("simple:steady")
        for name, _, kind, _, options, *_ in DEVICES:
            made = MuteCuff if name == "mute" else catalogue.ble_kind(kind)
            device = made(source, ADDRESSES[name], **options)
            await device.start(self.hub.air)
            self.devices[name] = device

    async def get(self, path: str) -> Any:
        """Return an answer of the API."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/api/v1") as client:
            return (await client.get(path, timeout=30.0)).raise_for_status().json()

    async def filed(self) -> Counter[tuple[str, str]]:
        """Return how many records of its metric each (device, subject) has in the journal."""
        found: Counter[tuple[str, str]] = Counter()
        for subject in ("anna", "bert"):
            for metric in set(METRICS.values()):
                path = f"/subjects/{subject}/observations?limit=500&metric={metric}"
                answer = await self.get(path)
                found += Counter((o["device"], subject) for o in answer["observations"])
        return found

    async def meet_again(self, wanted: dict[tuple[str, str], int]) -> None:
        """End every link, measure with the cuff, and wait for what there is then."""
        for device in self.devices.values():
            device.fault("link_loss")
        self.device("cuff").measure()
        await self.reaches(wanted)
        await reaches(self.is_linked)
        await self.get("/health")  # what a device sent at its new link has been taken
        assert await self.filed() == wanted

    def device(self, name: str) -> OnDemand:
        """Return a device with a button."""
        found = self.devices[name]
        assert isinstance(found, OnDemand)
        return found

    async def is_linked(self) -> bool:
        """Return whether each device that stays on has read its memory out on its new link."""
        await asyncio.sleep(0.5)
        stays = [device for name, device in self.devices.items() if name not in ("cuff", "mute")]
        return all(device.connected for device in stays)

    async def reaches(self, wanted: dict[tuple[str, str], int]) -> None:
        """Wait until so many readings are filed; what more comes later is found by the next."""
        found: Counter[tuple[str, str]] = Counter()
        try:
            async with asyncio.timeout(WAIT_S):
                while any(found[key] < count for key, count in wanted.items()):
                    found = await self.filed()
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log = [(n, d.connected, d.sent) for n, d in self.devices.items()]
            pytest.fail(f"{found} of {wanted}; {log}; held {await self.get('/readings')}")
        assert found == wanted


async def reaches(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until ``condition()`` gives something, and return it."""
    async with asyncio.timeout(WAIT_S):
        while not (found := await condition()):
            await asyncio.sleep(0.2)
    return found


@asynccontextmanager
async def ward_of(folder: Path) -> AsyncIterator[tuple[Ward, Messages, Influx]]:
    """Run the servers and the air of one ward."""
    for name in ("broker", "influx"):
        (folder / name).mkdir()
    broker, influx, messages = Mosquitto(folder / "broker"), Influx(folder / "influx"), Messages()
    ward = None
    try:
        broker.start()
        influx.start()
        messages.listen(broker.port)
        ward = Ward(folder, broker, influx)
        await ward.hub.start(ward.spec)
        yield ward, messages, influx
    finally:
        if ward is not None:
            for device in ward.devices.values():
                await device.stop()
            await ward.hub.stop()
        messages.close()
        influx.stop()
        broker.stop()


async def settle_on_page(port: int) -> None:
    """Settle the reading that waits for a person on the devices page, at phone width."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page(viewport={"width": 360, "height": 740})
        await page.goto(f"http://127.0.0.1:{port}/devices")
        row = page.locator("#readings [data-reading]", has_text="mute")
        assert "anna or bert" in await row.inner_text()
        await row.get_by_role("button", name="Settle").click()
        await page.locator("#settle-reading-dialog select[name=when]").select_option("now")
        await page.locator("#settle-reading-dialog select[name=subject]").select_option("bert")
        await page.locator("#settle-reading-dialog [name=author]").fill("nurse 1")
        await page.locator("#settle-reading-dialog button.primary").click()
        await row.wait_for(state="detached")
        assert await page.locator("#readings", has_text="Nobody wore the device then").count()
        await browser.close()


async def check_held(ward: Ward) -> None:
    """Check what is not filed: a cuff without a date, and the meter's records of before."""
    held = await ward.get("/readings")
    states = Counter((each["device"], each["state"]) for each in held)
    assert states == {
        ("mute", "waiting"): 1,  # its clock shows 2020 and cannot be read
        ("sensor", "waiting"): 2,  # moved when they were taken, to five minutes
        ("meter", "unclaimed"): 2,  # older than the first binding
    }
    waiting = [each["subjects"] for each in held if each["state"] == "waiting"]
    assert waiting == [["anna", "bert"]] * 3

    async def noted() -> set[str]:
        alarms = await ward.get("/alarms")
        found = {a["subject"] for a in alarms if a["condition"].startswith("reading_waits")}
        return found if len(found) > 1 else set()

    assert await reaches(noted) == {"anna", "bert"}


async def check_times(ward: Ward) -> None:
    """Check that what was measured now is live, and all else history at its own time."""
    now_ns = GatewayClock().now().time_ns
    for name, *_ in DEVICES[:-2]:
        path = f"/subjects/bert/observations?limit=500&metric={METRICS[name]}"
        found = [o for o in (await ward.get(path))["observations"] if o["device"] == name]
        assert [bool(o["payload"].get("stored")) for o in found] == [False], name
        assert abs(found[0]["time_ns"] - now_ns) < 2 * MINUTE_NS
    path = "/subjects/anna/observations?limit=500&metric=glucose"
    ages = sorted(
        round((now_ns - o["time_ns"]) / MINUTE_NS / 60)
        for o in (await ward.get(path))["observations"]
        if o["device"] == "meter"
    )
    assert ages == list(range(1, 25))


def delivered(messages: Messages, influx: Influx) -> tuple[Counter[str], int]:
    """Return the readings that came by MQTT by device, and how many InfluxDB has."""
    unique = {
        (record["device"], record["detail"]["reading"])
        for metric in set(METRICS.values())
        for _, _, record in messages.records(record="measurement", metric=metric)
    }
    rows = influx.query("teleward-sim", 'SELECT "value", "metric" FROM "numeric"')
    return Counter(device for device, _ in unique), sum(
        r["metric"] in METRICS.values() for r in rows
    )


@pytest.mark.true_time  # the gateway is in another process, which has a clock of its own
async def test_every_reading_is_filed_once_for_whoever_wore_the_device(tmp_path: Path) -> None:
    wanted = dict(WANTED)
    async with ward_of(tmp_path) as (ward, messages, influx):
        ward.admit()
        async with running(ward.settings, open_radio):
            await ward.switch_on()
            await ward.reaches(wanted)
            await check_held(ward)
            await check_times(ward)
            wanted["cuff", "bert"] += 1
            await ward.meet_again(wanted)
            await settle_on_page(ward.port)
            wanted["mute", "bert"] = 1
            await ward.reaches(wanted)
        async with running(ward.settings, open_radio):
            wanted["cuff", "bert"] += 1
            await ward.meet_again(wanted)
            meter = ward.devices["meter"]
            assert isinstance(meter, GlucoseMeter)
            meter.fault("memory_reset")  # its numbers begin again
            meter.measure()

            async def measured() -> bool:
                return bool(meter.memory.records)

            await reaches(measured)
            wanted["meter", "bert"] += 1
            wanted["cuff", "bert"] += 1
            await ward.meet_again(wanted)
            trend = await ward.get("/subjects/bert/trends/nibp_systolic")
            assert sum(trend["count"]) == 5
            by_device = Counter[str]()
            for (name, _), count in wanted.items():
                by_device[name] += count

            async def all_delivered() -> bool:
                found = await asyncio.to_thread(delivered, messages, influx)
                return found == (by_device, sum(wanted.values()))

            await reaches(all_delivered)
