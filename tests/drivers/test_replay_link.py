"""What a device said is written down and played back bit for bit."""

import io
from pathlib import Path

import pytest

from teleward_drivers.errors import LinkLost, OperationRefused
from teleward_drivers.memory_link import MemoryLink
from teleward_drivers.replay_link import (
    CapturingLink,
    Piece,
    ReplayLink,
    load_capture,
    parse_capture,
)
from teleward_gateway.testing.paced_time import run_paced

LIVE = bytes.fromhex("01e085b396c1e1ffff")
START = bytes.fromhex("7d81a1808080808080")


async def captured() -> str:
    """Return the capture of a short talk."""
    near, far = MemoryLink.pair()
    file = io.StringIO()
    link = CapturingLink(near, file, "cms50d", note="finger in")
    await link.write(START)
    for _ in range(3):
        await far.write(LIVE)
        await link.read()
    await link.close()
    return file.getvalue()


async def test_talk_is_written_down_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "talk.capture"
    path.write_text(await captured())
    capture = load_capture(path)
    assert capture.driver == "cms50d"
    assert [(p.sent, p.data) for p in capture.pieces] == [(True, START), *[(False, LIVE)] * 3]
    link = ReplayLink(capture, speed=0)
    assert [(await link.read()).data for _ in range(3)] == [LIVE] * 3
    with pytest.raises(LinkLost, match="end of the capture"):
        await link.read()
    await link.close()


def test_replay_keeps_the_times() -> None:
    lines = ['{"capture": 1, "driver": "x"}', Piece(0.0, b"a").line(), Piece(0.2, b"b").line()]

    async def apart_s() -> float:
        link = ReplayLink(parse_capture(lines), speed=2.0)
        first, second = await link.read(), await link.read()
        await link.close()
        return (second.monotonic_ns - first.monotonic_ns) / 1e9

    assert run_paced(apart_s()) == pytest.approx(0.1, abs=0.05)


async def test_driver_may_write_and_ask_for_what_was_there() -> None:
    lines = ['{"capture": 1}', Piece(60.0, b"a", "0000").line()]
    link = ReplayLink(parse_capture(lines))
    await link.subscribe("0000")
    with pytest.raises(OperationRefused):
        await link.request("1111")
    await link.write(START)
    assert link.written[0].data == START
    await link.close()
    with pytest.raises(LinkLost):
        await link.write(START)


async def test_torn_last_line_is_left_out() -> None:
    lines = (await captured()).splitlines()
    torn = parse_capture([*lines[:-1], lines[-1][:20]])
    assert len(torn.pieces) == 3


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "empty"),
        (["{}"], "first line must hold"),
        (['{"capture": 2}', "{}"], "first line must hold"),
        (['{"capture": 1}', '{"t": 0, "from": "zz"}', '{"t": 1, "from": "00"}'], "f:2:"),
    ],
)
def test_file_that_is_no_capture_is_refused_by_line(lines: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_capture(lines, "f")
