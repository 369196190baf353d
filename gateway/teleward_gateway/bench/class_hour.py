"""One class through one gateway: what ten or forty seats cost, and how soon an act is seen.

    demo process     ends everything
    fleet process    the devices of all rooms, one set of kernels
    gateway process  `teleward run`, with a screen open for every seat and the teacher's board
    this process     ten learners who act in turn, and the watch through /proc

An act is a manoeuvre without a dose: from the request to its row on the teacher's socket.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from teleward_gateway.bench.ward import usage
from teleward_gateway.demo.show import free_port
from teleward_signal.errors import Unavailable

GOALS = {10: {"cpu_percent": 60.0, "rss_mb": 800.0, "p95_ms": 100.0}}
START_S = 400.0
ACTS = ("sit_up", "lay_flat", "consent", "reassure")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--seats", type=int, nargs="+", default=[10, 40], help="sizes (10 40)")
    parser.add_argument("--seconds", type=float, default=30.0, help="time measured each (30)")
    parser.add_argument("--lesson", default="breathless", help="the lesson (breathless)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every size."""
    rows = [
        asyncio.run(_run(size, arguments.seconds, arguments.lesson)) for size in arguments.seats
    ]
    return {"rows": rows, "goals": GOALS}


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    lines = [
        "seats   CPU %  a seat   RSS MB  a seat   act to row p50 / p95 ms   acts  lost",
    ]
    for row in result["rows"]:
        n = row["seats"]
        lines.append(
            f"{n:>5} {row['cpu_percent']:>7.1f} {row['cpu_percent'] / n:>7.1f} "
            f"{row['rss_mb']:>8.0f} {row['rss_mb'] / n:>7.0f} "
            f"{row['p50_ms']:>14.0f} / {row['p95_ms']:<8.0f} {row['acts']:>6} {row['lost']:>5}"
        )
        opened = f"in {row['room_s']:.1f} s (goal 5 s)" if row["room_s"] else "not: all are taken"
        lines.append(f"      one room more opened {opened}; load of the machine {row['load']:.1f}")
        for name, goal in GOALS.get(n, {}).items():
            word = "met" if row[name] <= goal else "missed"
            lines.append(f"      {name} {row[name]:.0f}, goal {goal:.0f}: {word}")
    lines.append("CPU in percent of one core, gateway and devices; RSS of both processes")
    return "\n".join(lines)


async def _run(n_seats: int, seconds: float, lesson: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="teleward-class-") as folder:
        port = free_port(0)
        demo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "teleward_gateway", "demo", "--patients", "0", "--class", lesson,
            "--folder", folder, "--port", str(port), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            key, code = await asyncio.wait_for(_opened(demo), START_S)
            return await _class(n_seats, seconds, port, key, code, Path(folder))
        finally:
            demo.terminate()
            await demo.wait()


async def _opened(demo: asyncio.subprocess.Process) -> tuple[str, str]:
    """Return key and code once the demo has printed them."""
    assert demo.stdout is not None
    key = ""
    while line := (await demo.stdout.readline()).decode():
        if found := re.search(r"/teach#key=([\w-]+)", line):
            key = found[1]
        elif found := re.search(r"/j/(\w+)", line):
            return key, found[1]
    raise RuntimeError("the demo ended before its class was open")


async def _class(
    n_seats: int, seconds: float, port: int, key: str, code: str, folder: Path
) -> dict[str, Any]:
    base = f"http://127.0.0.1:{port}/api/v1"
    teacher = httpx.AsyncClient(base_url=base, headers={"X-Class-Key": key}, timeout=120)
    learners = [httpx.AsyncClient(base_url=base, timeout=120) for _ in range(n_seats)]
    tasks: list[asyncio.Task[None]] = []
    try:
        await _join(learners, code)
        (await teacher.post("/class/phase", json={"phase": "encounter"})).raise_for_status()
        board = Board()
        headers = {"X-Class-Key": key}
        tasks.append(asyncio.create_task(board.watch(f"ws://127.0.0.1:{port}", headers)))
        tasks += [asyncio.create_task(_screen(port, learner)) for learner in learners]
        await _streaming(base, n_seats)
        pids = [_pid(folder, name) for name in ("teleward_simulators.fleet", "run")]
        before = [usage(pid) for pid in pids]
        delays, acts = await _act(learners, board, seconds)
        after = [usage(pid) for pid in pids]
        events = (await teacher.get("/class/events")).json()
        done = sum(event["kind"] == "act.done" for event in events)
        room_s = await _open_room(base, folder)
        spent_s = sum(b.cpu_s - a.cpu_s for a, b in zip(before, after, strict=True))
        return {
            "seats": n_seats,
            "cpu_percent": 100 * spent_s / (after[0].at_s - before[0].at_s),
            "rss_mb": sum(each.rss_mb for each in after),
            "p50_ms": 1000 * statistics.median(delays),
            "p95_ms": 1000 * sorted(delays)[int(0.95 * len(delays))],
            "acts": acts,
            "lost": acts - done,
            "room_s": room_s,
            "load": os.getloadavg()[0],
        }
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in (teacher, *learners):
            await client.aclose()


async def _join(learners: list[httpx.AsyncClient], code: str) -> None:
    """Take a seat for each learner, as fast as the door admits."""
    for number, learner in enumerate(learners):
        body = {"code": code, "name": f"Learner {number + 1}"}
        while (await learner.post("/join", json=body)).status_code == 429:
            await asyncio.sleep(0.3)


async def _open_room(base: str, folder: Path) -> float | None:
    """Return the seconds of opening one room more through HTTP; None when all are taken."""
    key = (folder / "data" / "simulated" / "rooms" / "operator-key").read_text().strip()
    async with httpx.AsyncClient(base_url=base, timeout=120) as client:
        begun_s = time.monotonic()
        body = {"case": "asthma-01", "seed": 1}
        answer = await client.post("/rooms", json=body, headers={"X-Operator-Key": key})
        return time.monotonic() - begun_s if answer.is_success else None


class Board:
    """The teacher's socket: when each room's last act was seen."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.changed = asyncio.Condition()

    async def watch(self, address: str, headers: dict[str, str]) -> None:
        """Read the board until cancelled."""
        socket = connect(f"{address}/api/v1/class/stream", additional_headers=headers)
        async with socket as board:
            async for message in board:
                rows = json.loads(message)["rows"]
                async with self.changed:
                    self.rows = {seat["id"]: row for row in rows for seat in row["seats"]}
                    self.changed.notify_all()

    async def shows(self, seat: str, act: str, after_ms: int) -> None:
        """Wait until the row of a seat shows an act."""

        def seen() -> bool:
            row = self.rows.get(seat, {})
            return row.get("last_act") == act and row.get("last_act_ms", 0) >= after_ms

        async with self.changed:
            await self.changed.wait_for(seen)


async def _act(
    learners: list[httpx.AsyncClient], board: Board, seconds: float
) -> tuple[list[float], int]:
    """Have each learner act every five seconds; return the delays and how many were accepted."""
    delays: list[float] = []
    ends_s = time.monotonic() + seconds

    async def one(place: int, learner: httpx.AsyncClient) -> int:
        seat = (await learner.get("/seat")).json()["seat"]["id"]
        accepted = 0
        await asyncio.sleep(5.0 * place / len(learners))
        while time.monotonic() < ends_s:
            act = ACTS[accepted % len(ACTS)]
            begun_s, begun_ms = time.monotonic(), time.time_ns() // 10**6
            answer = await learner.post("/seat/orders", json={"name": act})
            if answer.is_success:
                accepted += 1
                await asyncio.wait_for(board.shows(seat, act, begun_ms), 30)
                delays.append(time.monotonic() - begun_s)
            await asyncio.sleep(max(0.0, 5.0 - (time.monotonic() - begun_s)))
        return accepted

    accepted = await asyncio.gather(*(one(*each) for each in enumerate(learners)))
    return delays, sum(accepted)


async def _screen(port: int, learner: httpx.AsyncClient) -> None:
    """Keep a learner's screen open."""
    cookie = SimpleCookie(dict(learner.cookies)).output(header="", sep=";").strip()
    socket = connect(
        f"ws://127.0.0.1:{port}/api/v1/seat/stream",
        additional_headers={"Cookie": cookie},
        max_size=None,
    )
    async with socket as screen:
        async for _ in screen:
            pass


async def _streaming(base: str, n_seats: int) -> None:
    """Wait until the devices of every room stream; Unavailable when that takes too long."""
    parts = {"devices": 0, "streaming": 0}
    until_s = time.monotonic() + START_S
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        while time.monotonic() < until_s:
            parts = (await client.get("/health")).json()["parts"]["sessions"]
            if parts["devices"] >= n_seats and parts["streaming"] == parts["devices"]:
                return
            await asyncio.sleep(0.5)
    raise Unavailable(
        f"{parts['streaming']} of {parts['devices']} devices stream after {START_S:g} s: this "
        f"machine is too busy or too slow for {n_seats} seats; name fewer with --seats"
    )


def _pid(folder: Path, word: str) -> int:
    """Return the process of the demo in ``folder`` whose command has ``word``."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if word in words and any(word.startswith(str(folder)) for word in words):
            return int(path.parent.name)
    raise RuntimeError(f"no process runs {word} in {folder}")
