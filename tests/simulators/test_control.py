"""The control API of a running fleet, over HTTP, and files of several devices."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from teleward_simulators.control import ControlServer
from teleward_simulators.fault_script import parse_step, play
from teleward_simulators.faults import FAULTS, PacketMangler
from teleward_simulators.fleet import DeviceSpec, Fleet, read_spec, write_spec
from teleward_simulators.sources import make_source

STRAP = "C0:00:00:00:00:01"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[tuple[Fleet, httpx.AsyncClient]]:
    """A strap on a patient that can be dialled, and an oximeter on a port."""
    specs = [
        DeviceSpec("heart-rate", "p1", "dial:", STRAP, seed=1),
        DeviceSpec("cms50d", "p2", "simple:steady", str(tmp_path / "oximeter"), seed=1),
    ]
    fleet = Fleet(specs, ports=tmp_path)
    await fleet.start()
    server = ControlServer(fleet)
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield fleet, client
    await server.stop()
    await fleet.stop()


async def test_devices_are_listed_added_and_removed(api: Any) -> None:
    """By address, by the name of the port."""
    _, client = api
    rows = (await client.get("/devices")).json()
    assert [row["kind"] for row in rows] == ["heart-rate", "cms50d"]
    assert rows[0] | {"name": ""} == {
        "address": STRAP, "name": "", "kind": "heart-rate", "subject": "p1",
        "connected": False, "sent": 0,
    }  # fmt: skip
    added = await client.post("/devices", json={"kind": "thermometer", "subject": "p1"})
    assert added.status_code == 201
    assert (await client.delete(f"/devices/{added.json()['address']}")).status_code == 204
    assert (await client.delete("/devices/oximeter")).status_code == 204
    assert [row["kind"] for row in (await client.get("/devices")).json()] == ["heart-rate"]


async def test_a_second_device_at_an_address_leaves_the_first_alone(api: Any) -> None:
    """It is refused before it starts: the port and the place on the air stay where they are."""
    fleet, client = api
    port = fleet.specs[1].address
    for kind, address in (("thermometer", STRAP), ("cms50d", port)):
        reply = await client.post("/devices", json={"kind": kind, "address": address})
        assert reply.status_code == 422
        assert "give each its own address" in reply.text
    assert os.path.exists(port)  # noqa: ASYNC240 - a look at a name, not at a disk
    strap = fleet.devices[STRAP]
    assert strap.device is not None
    assert strap.device.is_advertising
    assert [row["kind"] for row in (await client.get("/devices")).json()] == [
        "heart-rate",
        "cms50d",
    ]


async def test_vitals_change_while_it_runs(api: Any) -> None:
    """Only a patient that can be dialled follows."""
    fleet, client = api
    reply = await client.put("/subjects/p1/vitals", json={"spo2": 84, "heart_rate": 130})
    assert reply.status_code == 204
    source = next(s for key, s in fleet.sources.items() if key[0] == "p1")
    assert source.numeric("spo2", 1.0) == pytest.approx(84, abs=1)
    assert (await client.put("/subjects/p2/vitals", json={"spo2": 84})).status_code == 404
    wrong = await client.put("/subjects/p1/vitals", json={"mood": 3})
    assert wrong.status_code == 422
    assert "heart_rate" in wrong.json()["detail"]


async def test_faults_strike_and_are_cleared(api: Any) -> None:
    """The menu is served; a mistake names what there is."""
    fleet, client = api
    assert (await client.get("/faults")).json() == FAULTS
    struck = await client.post(f"/devices/{STRAP}/faults", json={"name": "drop", "rate": 0.5})
    assert struck.status_code == 204
    assert fleet.devices[STRAP].mangler.faults.drop == 0.5
    assert (await client.delete(f"/devices/{STRAP}/faults")).status_code == 204
    assert fleet.devices[STRAP].mangler.faults.drop == 0.0
    for path, body, code in (
        (f"/devices/{STRAP}/faults", {"name": "lightning"}, 422),
        (f"/devices/{STRAP}/faults", {"name": "drop", "rate": 7}, 422),
        ("/devices/nothing/faults", {"name": "drop"}, 404),
        ("/devices/oximeter/faults", {"name": "bond_lost"}, 422),
        (f"/devices/{STRAP}/buttons", {"name": "stop"}, 422),
    ):
        reply = await client.post(path, json=body)
        assert reply.status_code == code, (path, body)
        assert reply.json()["detail"]


async def test_a_device_that_moved_is_described_found_and_removed(api: Any) -> None:
    """Under its first address and under the one it has now."""
    fleet, client = api
    strap = fleet.devices[STRAP]
    struck = await client.post(f"/devices/{STRAP}/faults", json={"name": "wrong_address"})
    assert struck.status_code == 204
    async with asyncio.timeout(10):
        while strap.address == STRAP:
            await asyncio.sleep(0.01)
    rows = (await client.get("/devices")).json()
    assert rows[0]["address"] == strap.address
    assert [row["subject"] for row in rows] == ["p1", "p2"]
    for address in (STRAP, strap.address):
        fault = {"name": "drop", "rate": 0.5}
        assert (await client.post(f"/devices/{address}/faults", json=fault)).status_code == 204
    assert (await client.delete(f"/devices/{strap.address}")).status_code == 204
    assert [row["subject"] for row in (await client.get("/devices")).json()] == ["p2"]


async def test_foreign_pages_are_refused(api: Any) -> None:
    """A name that was made to point here, and a page from elsewhere that writes."""
    _, client = api
    row = {"kind": "thermometer"}
    for path, headers in (
        ("/devices", {"Host": "evil.example"}),
        ("/docs", {"Host": "evil.example:80"}),
        ("/devices", {"Host": ""}),
        ("/devices", {"Host": "[::1"}),
    ):
        reply = await client.get(path, headers=headers)
        assert (reply.status_code, "name of this machine" in reply.text) == (403, True)
    for origin in ("http://evil.example", "null", "file://127.0.0.1"):
        reply = await client.post("/devices", json=row, headers={"Origin": origin})
        assert reply.status_code == 403
    own = f"http://127.0.0.1:{client.base_url.port}"
    assert (await client.post("/devices", json=row, headers={"Origin": own})).status_code == 201
    port = own.rsplit(":", 1)[1]
    for host in (f"localhost:{port}", f"[::1]:{port}"):
        assert (await client.get("/devices", headers={"Host": host})).status_code == 200


async def test_a_patient_is_forgotten_with_the_last_device(api: Any) -> None:
    """And numbers are not given twice, whatever was removed."""
    fleet, client = api
    rows = [{"kind": kind, "subject": "p3"} for kind in ("thermometer", "pulse-oximeter")]
    first, second = [(await client.post("/devices", json=row)).json()["address"] for row in rows]
    await client.delete(f"/devices/{first}")
    assert "p3" in {subject for subject, _, _ in fleet.sources}
    third = (await client.post("/devices", json=rows[0])).json()["address"]
    assert third not in (first, second)
    for address in (second, third):
        await client.delete(f"/devices/{address}")
    assert "p3" not in {subject for subject, _, _ in fleet.sources}


def test_fault_lines() -> None:
    """Name, start, length and arguments; a mistake is shown with the form."""
    step = parse_step("drop@20+10.5:rate=0.02,stuck=true,address=C0")
    assert (step.name, step.start_s, step.length_s) == ("drop", 20.0, 10.5)
    assert step.arguments == {"rate": 0.02, "stuck": True, "address": "C0"}
    for wrong in ("drop@", "lightning", "drop:rate", "drop@-1"):
        with pytest.raises(ValueError, match="fault"):
            parse_step(wrong)


async def test_a_script_strikes_and_clears_in_order() -> None:
    """What ends is cleared."""
    done: list[str] = []

    class Recorder:
        def fault(self, name: str, **_arguments: Any) -> None:
            done.append(name)

    lines = ["probe_off@0.05+0.05", "link_loss@0.02"]
    await asyncio.wait_for(play(Recorder(), [parse_step(line) for line in lines]), 5)
    assert done == ["link_loss", "probe_off", "clear"]


def test_the_same_seed_makes_the_same_faults() -> None:
    """A failure found with a seed can be found again."""

    def run(seed: int) -> list[bytes]:
        mangler = PacketMangler(seed)
        for name in ("drop", "duplicate", "reorder", "corrupt", "truncate"):
            mangler.set(name, 0.2)
        return [out for n in range(200) for out in mangler(bytes([n] * 8))]

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_fleet_files() -> None:
    """Written and read alike; a mistake names the row and the keys there are."""
    options = {"stored_s": 3}
    specs = [DeviceSpec("cms50d", "p", "recording:bidmc-42", options=options, faults=["drop"])]
    read, settings = read_spec(write_spec(specs, hub="unix:/x", control=0))
    assert (read, settings) == (specs, {"hub": "unix:/x", "control": 0})
    for text, expected in (
        ("{", "not JSON"),
        ("{}", "devices"),
        ('{"devices": [{"kind": "cms50d", "colour": 1}]}', "device 1: unknown key 'colour'"),
        ('{"devices": [{"subject": "p"}]}', 'device 1: no "kind"'),
    ):
        with pytest.raises(ValueError, match=re.escape(expected)):
            read_spec(text)


async def test_mistakes_in_a_fleet_leave_nothing_running(tmp_path: Path) -> None:
    """Unknown kind, unknown patient, an address twice."""
    for spec, expected in (
        (DeviceSpec("toaster"), "no simulated device 'toaster'"),
        (DeviceSpec("heart-rate", source="simple:nobody"), "profiles: steady"),
        (DeviceSpec("heart-rate", source="wfdb:/nowhere.hea"), "/nowhere.hea"),
        (DeviceSpec("heart-rate", address=STRAP), "own address"),
    ):
        fleet = Fleet([DeviceSpec("heart-rate", address=STRAP), spec], ports=tmp_path)
        with pytest.raises(ValueError, match=re.escape(expected)):
            await fleet.start()
        await fleet.stop()


def test_a_wfdb_record_of_ones_own(tmp_path: Path) -> None:
    """Format 212 with beats, at its own rate; a format that cannot be read is named."""
    samples = [100, -100, 2047, -2047, 0, 5]
    data = b""
    for a, b in zip(samples[::2], samples[1::2], strict=True):
        a, b = a & 0xFFF, b & 0xFFF
        data += bytes((a & 0xFF, a >> 8 | b >> 8 << 4, b & 0xFF))
    (tmp_path / "r.dat").write_bytes(data)
    header = ("r 2 100 3", "r.dat 212 200 11 0 0 0 0 MLII", "r.dat 212 100 11 0 0 0 0 PLETH")
    (tmp_path / "r.hea").write_text("\n".join(header) + "\n")
    words = [(1 << 10) | 2, 0]
    (tmp_path / "r.atr").write_bytes(b"".join(w.to_bytes(2, "little") for w in words))
    source = make_source(f"wfdb:{tmp_path}/r.hea")
    assert source.metrics() == {"ecg_ii", "pleth", "heart_rate"}
    assert source.waveform("ecg_ii", 100.0, 0, 4)[:3].tolist() == [0.5, 10.234999656677246, 0.0]
    assert source.waveform("pleth", 100.0, 1, 2).tolist() == pytest.approx([-20.47, 0.05])
    assert source.beats(0.0, 1.0) == [0.02]
    (tmp_path / "bad.hea").write_text("bad 1 100 3\nr.dat 310 200 11 0 0 0 0 II\n")
    with pytest.raises(ValueError, match="310"):
        make_source(f"wfdb:{tmp_path}/bad.hea")


async def test_nobody_without_the_key_is_answered(api: Any) -> None:
    """Another user of the machine reaches the port; the description alone is open."""
    _, client = api
    place = f"http://127.0.0.1:{client.base_url.port}"
    async with httpx.AsyncClient(base_url=place) as stranger:
        assert (await stranger.get("/docs")).status_code == 200
        for key in ("", "Basic", "Basic !!", "Bearer no", "Basic ZmxlZXQ6bm8="):
            headers = {"authorization": key} if key else {}
            assert (await stranger.get("/devices", headers=headers)).status_code == 401
            reply = await stranger.delete("/devices/oximeter", headers=headers)
            assert reply.status_code == 401
        bearer = {"authorization": f"Bearer {client.base_url.userinfo.decode().split(':')[1]}"}
        assert (await stranger.get("/devices", headers=bearer)).status_code == 200


@pytest.mark.parametrize(
    "place", ["{0}/kept", "../kept", "a/../../kept", "{0}/ports/../kept", ".."]
)
async def test_a_device_is_made_in_the_fleets_folder_only(
    api: Any, tmp_path: Path, place: str
) -> None:
    """A port is a link: it took the place of any file of this user."""
    fleet, client = api
    fleet._ports = tmp_path / "ports"
    kept = tmp_path / "kept"
    kept.write_text("of somebody")
    row = {"kind": "cms50d", "address": place.format(tmp_path)}
    reply = await client.post("/devices", json=row)
    assert reply.status_code == 422
    assert "a port is a name in" in reply.text
    assert kept.read_text() == "of somebody"
    (tmp_path / "ports").mkdir()
    (tmp_path / "ports" / "mine").write_text("of somebody")
    reply = await client.post("/devices", json={"kind": "cms50d", "address": "mine"})
    assert reply.status_code == 422
    assert (tmp_path / "ports" / "mine").read_text() == "of somebody"
