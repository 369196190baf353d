"""Captures: written by the command, played bit for bit, and each one in tests/captures a test."""

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import serial

from teleward_drivers.catalogue import driver as find_driver
from teleward_drivers.device import Discarded
from teleward_drivers.link import Received
from teleward_drivers.replay_link import Capture, load_capture
from teleward_gateway.commands import replay
from teleward_signal.model import Measurement, SampleBlock
from teleward_simulators.fleet import DeviceSpec, Fleet

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.jsonl"))


def play(capture: Capture, pieces: list[Received]) -> list[Any]:
    """Return what the capture's driver makes of ``pieces``."""
    driver = find_driver(capture.driver).make(capture.header.get("options", {}))
    outputs = list(driver.start(0))
    for piece in pieces:
        outputs += driver.feed(piece)
    return outputs


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_comes_out_as_expected(path: Path) -> None:
    """What the header expects, and never an exception."""
    capture = load_capture(path)
    outputs = play(capture, list(capture.received()))
    for metric, bounds in capture.header.get("expect", {}).items():
        values = [
            m.value
            for m in outputs
            if isinstance(m, Measurement) and m.metric == metric and m.value is not None
        ]
        assert bool(values) == bool(bounds), f"{metric}: {values}"
        if bounds:
            assert bounds[0] <= min(values) <= max(values) <= bounds[1]
    thrown = sum(d.n_bytes for d in outputs if isinstance(d, Discarded))
    assert thrown <= capture.header.get("discarded", 0)
    assert any(isinstance(o, Measurement | SampleBlock) for o in outputs)


def test_serial_captures_byte_by_byte() -> None:
    """On a wire the pieces mean nothing: one byte at a time gives the same values."""
    captures = [load_capture(path) for path in CAPTURES]
    wired = [c for c in captures if find_driver(c.driver).serial is not None]
    assert wired
    for capture in wired:
        whole = list(capture.received())
        single = [
            Received(bytes([byte]), piece.time_ns, piece.monotonic_ns)
            for piece in whole
            for byte in piece.data
        ]
        assert _values(play(capture, whole)) == _values(play(capture, single))


def _values(outputs: list[Any]) -> list[tuple[str, float | None]]:
    return [(m.metric, m.value) for m in outputs if isinstance(m, Measurement)]


def teleward(line: str, folder: Path) -> subprocess.Popen[str]:
    """Start a ``teleward`` command in ``folder``."""
    return subprocess.Popen(
        [sys.executable, "-m", "teleward_gateway", *shlex.split(line)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def end(child: subprocess.Popen[str]) -> str:
    """Return what a command printed, after it ended well."""
    out, error = await asyncio.to_thread(child.communicate, timeout=30)
    assert child.returncode == 0, error
    return out


@pytest.mark.parametrize(
    ("kind", "driver", "place"),
    [("cms50d", "cms50d", "--port {}"), ("heart-rate", "heart-rate", "--address {}")],
)
async def test_capture_and_replay(kind: str, driver: str, place: str, tmp_path: Path) -> None:
    """What a device sent is in the file, and the driver makes the same of it again."""
    hub = f"unix:{tmp_path}/air.sock"
    fleet = Fleet([DeviceSpec(kind, "P", "dial:spo2=93,heart_rate=72", seed=1)], hub, tmp_path)
    await fleet.start()
    (address,) = fleet.devices
    capture = f"capture --driver {driver} {place.format(address)} --out c.jsonl --seconds 5"
    await end(teleward(f"{capture} --radio virtual:{hub} --note 'a test'", tmp_path))
    await fleet.stop()
    written = load_capture(tmp_path / "c.jsonl")
    assert written.header["note"] == "a test"
    assert [p for p in written.pieces if p.sent] or kind == "heart-rate"
    replayed = await end(teleward("replay c.jsonl --json", tmp_path))
    lines = [json.loads(line) for line in replayed.splitlines()]
    outputs = play(written, list(written.received()))
    described = [line for line in map(replay.describe, outputs) if line is not None]
    assert lines == json.loads(json.dumps(described))
    metric, near = ("spo2", 93) if kind == "cms50d" else ("heart_rate", 72)
    values = [line["value"] for line in lines if line.get("metric") == metric and line["value"]]
    assert values
    assert all(abs(value - near) <= 6 for value in values)


async def test_replay_to_a_port_is_bit_for_bit(tmp_path: Path) -> None:
    """Any other software reads the captured bytes, and then the cable is out."""
    header = {"capture": 1, "driver": "cms50d"}
    sent = bytes.fromhex("01e085b396c1e1ffff") * 20
    lines = [json.dumps(header)]
    lines += [json.dumps({"t": i / 100, "from": sent[i * 9 : i * 9 + 9].hex()}) for i in range(20)]
    (tmp_path / "c.jsonl").write_text("\n".join(lines) + "\n")
    child = teleward("replay c.jsonl --pty ./port", tmp_path)
    assert child.stdout is not None
    await asyncio.to_thread(child.stdout.readline)
    with serial.Serial(f"{tmp_path}/port", 115200, timeout=5) as port:
        assert await asyncio.to_thread(port.read, len(sent)) == sent
    await end(child)
    assert not (tmp_path / "port").is_symlink()


async def test_mistakes_are_named(tmp_path: Path) -> None:
    """File, line and driver, and what to do."""
    (tmp_path / "bad.jsonl").write_text('{"capture": 1, "driver": "cms50d"}\n{"t": "x"}\n{}\n')
    for line, expected in (
        ("replay bad.jsonl", "bad.jsonl:2"),
        ("replay missing.jsonl", "missing.jsonl"),
        ("capture --driver cms50d --address C0:00:00:00:00:01 --out c", "--port"),
        ("capture --driver nothing --port /dev/null --out c", "no driver 'nothing'"),
    ):
        child = teleward(line, tmp_path)
        _, error = await asyncio.to_thread(child.communicate, timeout=30)
        assert child.returncode == 2
        assert expected in error
        assert "Traceback" not in error
