"""A room's devices: switched on in a real fleet, bound in a real registry, gone with the room."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from teleward_gateway.api.problems import add_problems
from teleward_gateway.classroom.api.rooms import router
from teleward_gateway.classroom.fleet_client import NoDevices
from teleward_gateway.classroom.rooms.orders import ActOrder, ClockOrder
from teleward_gateway.classroom.rooms.room import Room
from teleward_gateway.classroom.rooms.service import RoomService
from teleward_gateway.classroom.ward_port import WardPort
from teleward_gateway.registry import Registry, Subject
from teleward_gateway.settings.classroom import ClassroomSettings
from teleward_signal.model import Provenance
from teleward_simulators.cases.source import RoomPatient
from teleward_simulators.control import ControlServer
from teleward_simulators.fleet import Fleet

CASE = "asthma-01"


@dataclass
class Ward:
    """A fleet with nobody in it, and the rooms of a gateway."""

    fleet: Fleet
    registry: Registry
    rooms: RoomService

    async def open(self, case: str = CASE) -> Room:
        """Open a room at the fleet's present."""
        return await self.rooms.open(case, asyncio.get_running_loop().time(), 7)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    fleet = Fleet([], ports=tmp_path / "ports")
    await fleet.start()
    control = ControlServer(fleet)
    await control.start()
    registry = Registry(tmp_path / "registry.sqlite", Provenance.SIMULATED)
    port = WardPort(registry, control.url)
    yield Ward(fleet, registry, RoomService(tmp_path / "rooms", port))
    await port.close()
    registry.close()
    await control.stop()
    await fleet.stop()


async def test_opening_puts_the_patient_on_the_ward_and_closing_takes_it_off(ward: Ward) -> None:
    room = await ward.open()
    subject = ward.registry.subject(room.subject)
    assert subject.bed == f"bed-{subject.id}"
    assert room.code.lower() not in json.dumps(asdict(subject)).lower()
    assert subject.label == f"SIM \u00b7 24 {room.case.person.sex}"
    assert "unreviewed" in subject.attributes["detail"]
    bound = {d.id: d for d in ward.registry.bound_devices()}
    assert {name.removeprefix(f"{subject.id}-") for name in bound} == {"ox", "nibp", "ecg3"}
    assert {d.address for d in bound.values()} == set(ward.fleet.devices)
    assert len(ward.fleet.sources) == 1
    await ward.rooms.close(room)
    assert not ward.registry.subjects()
    assert not ward.registry.devices()
    assert not ward.fleet.devices
    assert not ward.fleet.sources


async def test_the_devices_measure_the_rooms_own_patient(ward: Ward) -> None:
    room = await ward.open()
    now_s = room.opened_s
    await asyncio.to_thread(room.send, [ClockOrder()], now_s)
    assert room.patient.orders[-1].data == {"speed": room.case.speed}
    source = next(iter(ward.fleet.sources.values()))
    assert isinstance(source, RoomPatient)
    room.live(now_s + 20.0)
    for metric in ("heart_rate", "spo2", "nibp_systolic", "respiratory_rate"):
        assert source.numeric(metric, 20.0) == room.sensors.numeric(metric, 20.0)


async def test_the_modules_of_a_case_are_at_its_bed(ward: Ward) -> None:
    """One ECG, that of the 12-lead module; the defibrillator knows the shocks of the room."""
    room = await ward.open("svt-01")
    modules = {getattr(d, "options", {}).get("module") for d in ward.fleet.devices.values()}
    assert modules == {None, "ecg12", "defibrillator"}
    orders = [ClockOrder(), ActOrder(name="sync_shock", dose="100 J")]
    await asyncio.to_thread(room.send, orders, room.opened_s + 1.0)
    source = next(iter(ward.fleet.sources.values()))
    assert isinstance(source, RoomPatient)
    found = source.treatments(0.0, 20.0)
    assert [(given.name, given.dose) for _, given in found] == [("sync_shock", 100.0)]


async def test_two_rooms_are_two_patients(ward: Ward) -> None:
    first, second = await ward.open(), await ward.open("svt-01")
    assert len(ward.fleet.sources) == 2
    await ward.rooms.close(first)
    assert {d.id.rsplit("-", 1)[0] for d in ward.registry.devices()} == {second.subject}
    assert set(ward.fleet.subjects.values()) == {second.subject}


async def test_what_a_stopped_gateway_left_is_tidied(ward: Ward) -> None:
    room = await ward.open()
    ward.registry.admit(Subject("sim-01", provenance=Provenance.SIMULATED))
    again = RoomService(ward.rooms.folder, ward.rooms._ward)
    await again.tidy()
    assert [s.id for s in ward.registry.subjects()] == ["sim-01"]
    assert room.subject not in ward.fleet.subjects.values()


async def test_a_learner_presses_a_button(ward: Ward) -> None:
    room = await ward.open("hypoglycaemia-01")
    [meter] = [d for d in ward.fleet.devices.values() if d.kind == "glucose"]
    before = len(meter.memory.records)  # type: ignore[union-attr]
    act = ActOrder(name="glucose_check")
    _, pressed = room.send([act], room.opened_s + 1.0, "learner")
    await ward.rooms.press(room, pressed)
    async with asyncio.timeout(30):
        while len(meter.memory.records) == before:  # type: ignore[union-attr]
            await asyncio.sleep(0.02)


async def test_without_devices_there_is_no_room(tmp_path: Path) -> None:
    """One line with the remedy, and nothing stays behind; the API says 503."""
    registry = Registry(tmp_path / "registry.sqlite", Provenance.SIMULATED)
    port = WardPort(registry, "http://127.0.0.1:9")
    rooms = RoomService(tmp_path / "rooms", port)
    with pytest.raises(NoDevices, match=r"no simulated devices at classroom\.fleet http.*demo"):
        await rooms.open(CASE, 1.0)
    assert rooms.rooms == {}
    assert registry.subjects() == []
    app = FastAPI()
    app.state.rooms, app.state.operator_key = rooms, "key"
    app.include_router(router)
    add_problems(app)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as client:
        answer = await client.post("/rooms", json={"case": CASE}, headers={"X-Operator-Key": "key"})
    assert answer.status_code == 503
    assert "teleward demo" in answer.json()["detail"]
    await port.close()
    registry.close()


def test_the_fleet_is_on_this_machine() -> None:
    assert ClassroomSettings(fleet="http://127.0.0.1:9801").fleet
    with pytest.raises(ValueError, match="use http://fleet:KEY@127"):
        ClassroomSettings(fleet="http://ward.example:9801")
