"""A room's devices: switched on in a real fleet, bound in a real registry, gone with the room."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from teleward_gateway.classroom.api.rooms import router
from teleward_gateway.classroom.rooms.fleet_client import Bedside, NoDevices
from teleward_gateway.classroom.rooms.service import Room, RoomService
from teleward_gateway.classroom.settings import ClassroomSettings
from teleward_gateway.registry import Registry, Subject
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
        """Open a room from a thread, as a request does, at the fleet's present."""
        now_s = asyncio.get_running_loop().time()
        return await asyncio.to_thread(self.rooms.open, case, now_s, 7)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    fleet = Fleet([], ports=tmp_path / "ports")
    await fleet.start()
    control = ControlServer(fleet)
    await control.start()
    registry = Registry(tmp_path / "registry.sqlite", Provenance.SIMULATED)
    bedside = Bedside(control.url, registry)
    yield Ward(fleet, registry, RoomService(tmp_path / "rooms", bedside=bedside))
    registry.close()
    await control.stop()
    await fleet.stop()


async def test_opening_puts_the_patient_on_the_ward_and_closing_takes_it_off(ward: Ward) -> None:
    room = await ward.open()
    subject = ward.registry.subject(room.subject)
    assert (subject.id, subject.bed) == (room.code.lower(), f"room-{room.code.lower()}")
    assert subject.label == f"SIM \u00b7 24 {room.case.person.sex}"
    assert "unreviewed" in subject.attributes["detail"]
    bound = {d.id: d for d in ward.registry.bound_devices()}
    assert {name.removeprefix(f"{subject.id}-") for name in bound} == {"ox", "nibp", "ecg3"}
    assert {d.address for d in bound.values()} == set(ward.fleet.devices)
    assert len(ward.fleet.sources) == 1
    await asyncio.to_thread(ward.rooms.close, room)
    assert not ward.registry.subjects()
    assert not ward.registry.devices()
    assert not ward.fleet.devices
    assert not ward.fleet.sources


async def test_the_devices_measure_the_rooms_own_patient(ward: Ward) -> None:
    room = await ward.open()
    now_s = room.opened_s
    order = {"kind": "clock"}
    await asyncio.to_thread(ward.rooms.send, room, [order], now_s)
    assert room.patient.orders[-1].data == {"speed": room.case.speed}
    source = next(iter(ward.fleet.sources.values()))
    assert isinstance(source, RoomPatient)
    room.live(now_s + 20.0)
    for metric in ("heart_rate", "spo2", "nibp_systolic", "respiratory_rate"):
        assert source.numeric(metric, 20.0) == room.sensors.numeric(metric, 20.0)


async def test_two_rooms_are_two_patients(ward: Ward) -> None:
    first, second = await ward.open(), await ward.open("svt-01")
    assert len(ward.fleet.sources) == 2
    await asyncio.to_thread(ward.rooms.close, first)
    assert {d.id.split("-")[0] for d in ward.registry.devices()} == {second.subject}
    assert set(ward.fleet.subjects.values()) == {second.code}


async def test_what_a_stopped_gateway_left_is_tidied(ward: Ward) -> None:
    room = await ward.open()
    ward.registry.admit(Subject("sim-01", provenance=Provenance.SIMULATED))
    again = RoomService(ward.rooms.folder, bedside=ward.rooms._bedside)
    await asyncio.to_thread(again.tidy)
    assert [s.id for s in ward.registry.subjects()] == ["sim-01"]
    assert room.code not in ward.fleet.subjects.values()


async def test_a_learner_presses_a_button(ward: Ward) -> None:
    room = await ward.open("hypoglycaemia-01")
    [meter] = [d for d in ward.fleet.devices.values() if d.kind == "glucose"]
    before = len(meter.memory.records)  # type: ignore[union-attr]
    act = {"kind": "act", "name": "glucose_check"}
    await asyncio.to_thread(ward.rooms.send, room, [act], room.opened_s + 1.0, "learner")
    async with asyncio.timeout(3):
        while len(meter.memory.records) == before:  # type: ignore[union-attr]
            await asyncio.sleep(0.02)


async def test_without_devices_there_is_no_room(tmp_path: Path) -> None:
    """One line with the remedy, and nothing stays behind; the API says 503."""
    registry = Registry(tmp_path / "registry.sqlite", Provenance.SIMULATED)
    rooms = RoomService(tmp_path / "rooms", bedside=Bedside("http://127.0.0.1:9", registry))
    with pytest.raises(NoDevices, match=r"no simulated devices at classroom\.fleet http.*demo"):
        rooms.open(CASE, 1.0)
    assert rooms.rooms == {}
    assert registry.subjects() == []
    app = FastAPI()
    app.state.rooms = rooms
    app.include_router(router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as client:
        answer = await client.post("/rooms", json={"case": CASE})
    assert answer.status_code == 503
    assert "teleward demo" in answer.json()["detail"]
    registry.close()


def test_the_fleet_is_on_this_machine() -> None:
    assert ClassroomSettings(fleet="http://127.0.0.1:9801").fleet
    with pytest.raises(ValueError, match="use http://127"):
        ClassroomSettings(fleet="http://ward.example:9801")
