"""A whole ward through one gateway: what 1, 8, 32 and 64 patients cost.

    fleet process     patches with ECG 250 Hz, PPG 125 Hz and respiration 62.5 Hz; seven of eight
                      over the virtual radio, the eighth over a serial port (pty)
    gateway process   `teleward run` with everything on: signal engine, alarms, journal, an MQTT
                      broker of its own, one dashboard page open
    this process      watches both through /proc and the gateway's own health report

The first goal for 64 patients stands beside the table: below 50 % of one core and 250 MB.

With ``--first-start`` each size runs twice from one folder of compiled kernels: empty, so that the
gateway's children compile, then full. The memory of both starts should be the same within 5 %.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from teleward_gateway.demo.settings_file import settings_text
from teleward_gateway.demo.show import free_port
from teleward_gateway.process import child_processes
from teleward_simulators.fleet import DeviceSpec, write_spec
from teleward_simulators.patients.profiles import PROFILES
from teleward_simulators.ward import PATCH_WAVES, WardDevice, WardPlan, WardSubject

GOAL_CPU_PERCENT = 50.0
AS_INSTALLED = """
import sys
sys.modules.update(scipy=None, coverage=None)
from teleward_gateway.__main__ import main
sys.exit(main())
"""
"""Where development has SciPy and coverage Numba imports them, 17 MB; a gateway has neither."""
GOAL_RSS_MB = 250.0
"""First goal for 64 patients."""
SETTLE_S = 10.0
"""After the last device streams: caches fill, the first commits and scores are through."""
START_S = 300.0
"""64 devices connect one after another, on cores that the simulators share with the compiler."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--patients", type=int, nargs="+", default=[1, 8, 32, 64], help="sizes (1 8 32 64)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="time measured each (20)")
    parser.add_argument(
        "--first-start", action="store_true", help="memory after a first and after a warm start"
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every size."""
    if arguments.first_start:
        return {"starts": [_first_start(size, arguments.seconds) for size in arguments.patients]}
    rows = [asyncio.run(_run(size, arguments.seconds)) for size in arguments.patients]
    return {
        "rows": rows,
        "goal": {"patients": 64, "cpu_percent": GOAL_CPU_PERCENT, "rss_mb": GOAL_RSS_MB},
        "cores": os.cpu_count(),
    }


def _first_start(n_patients: int, seconds: float) -> dict[str, Any]:
    """Return the memory of a gateway that found no compiled kernels, and of the next one."""
    with tempfile.TemporaryDirectory(prefix="teleward-kernels-") as name:
        first, warm = (asyncio.run(_run(n_patients, seconds, Path(name))) for _ in range(2))
    return {
        "patients": n_patients, "first_rss_mb": first["rss_mb"], "warm_rss_mb": warm["rss_mb"],
        "first_start_s": first["start_s"], "warm_start_s": warm["start_s"],
    }  # fmt: skip


def _starts_table(starts: list[dict[str, Any]]) -> str:
    lines = [
        "gateway as installed, everything on; start: until every device streams",
        f"{'patients':>8} {'first MB':>9} {'warm MB':>8} {'ratio':>6} {'first s':>8} {'warm s':>7}",
    ]
    for row in starts:
        first, warm = row["first_rss_mb"], row["warm_rss_mb"]
        lines.append(
            f"{row['patients']:>8} {first:>9.1f} {warm:>8.1f} {first / warm:>6.3f} "
            f"{row['first_start_s']:>8.1f} {row['warm_start_s']:>7.1f}"
        )
    return "\n".join(lines)


def table(result: dict[str, Any]) -> str:
    """Return the rows for people."""
    if "starts" in result:
        return _starts_table(result["starts"])
    lines = [
        "gateway process alone, as installed; simulators and broker beside it. CPU of one core.",
        f"{'patients':>8} {'CPU %':>6} {'RSS MB':>7} {'commit ms p50/p95/p99':>23} "
        f"{'WebSocket ms p50/p95/p99':>25} {'records/s':>9} {'written kB/s':>12} {'lost':>5}",
    ]
    for row in result["rows"]:
        commit = "/".join(f"{row[f'commit_ms_{p}']:.0f}" for p in ("p50", "p95", "p99"))
        live = "/".join(f"{row[f'websocket_ms_{p}']:.0f}" for p in ("p50", "p95", "p99"))
        lines.append(
            f"{row['patients']:>8} {row['cpu_percent']:>6.1f} {row['rss_mb']:>7.0f} "
            f"{commit:>23} {live:>25} {row['records_per_s']:>9.0f} "
            f"{row['written_kb_per_s']:>12.1f} {row['lost_samples']:>5}"
        )
    lines.append(
        "arrival to commit is half a commit interval (1 s) by design; to WebSocket half a tick "
        "(0.1 s)"
    )
    for row in result["rows"]:
        if row["patients"] == 64:
            cpu, rss = row["cpu_percent"] / GOAL_CPU_PERCENT, row["rss_mb"] / GOAL_RSS_MB
            lines.append(f"64 patients against the goal: CPU {cpu:.2f}x, RSS {rss:.2f}x")
    return "\n".join(lines)


def plan(n_patients: int) -> WardPlan:
    """Return a ward in which everybody wears one patch."""
    profiles = list(PROFILES)
    subjects, devices = [], []
    for number in range(1, n_patients + 1):
        profile = profiles[number % len(profiles)]
        subject = WardSubject(
            f"sim-{number:02d}", f"bed-{number:02d}", f"SIM {number}", "", f"simple:{profile}",
            number,
        )  # fmt: skip
        subjects.append(subject)
        serial = number % 8 == 0
        kind = "framed-serial" if serial else "framed-patch"
        driver = "framed-serial" if serial else "framed-uart"
        place = f"usb-SIM_{number:04d}-if00-port0" if serial else f"C0:01:00:00:00:{number:02X}"
        devices.append(
            WardDevice(f"patch-{number:02d}", kind, driver, place, subject.id,
                       {"waves": PATCH_WAVES})
        )  # fmt: skip
    return WardPlan(tuple(subjects), tuple(devices))


@dataclass(frozen=True, slots=True)
class _Usage:
    cpu_s: float
    rss_mb: float
    written: int
    at_s: float


def usage(pid: int) -> _Usage:
    """Return what a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    rss_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)
    io = Path(f"/proc/{pid}/io").read_text()
    written = next(int(line.split()[1]) for line in io.splitlines() if "write_bytes" in line)
    return _Usage(ticks / os.sysconf("SC_CLK_TCK"), rss_kb / 1024, written, time.monotonic())


async def _run(n_patients: int, seconds: float, kernels: Path | None = None) -> dict[str, Any]:
    """Run one ward; ``kernels`` is a folder for compiled kernels other than the usual one."""
    with tempfile.TemporaryDirectory(prefix="teleward-ward-") as name:
        folder = Path(name)
        port = write_ward(plan(n_patients), folder)
        fleet = await child_processes.start(
            [sys.executable, "-m", "teleward_simulators.fleet", "--spec", str(folder / "f.json")],
            log=folder / "fleet.log",
        )
        began_s = time.monotonic()
        gateway = await child_processes.start(
            [
                *(["env", f"NUMBA_CACHE_DIR={kernels}"] if kernels else []),
                *[sys.executable, "-c", AS_INSTALLED, "run", "--config", str(folder / "t.toml")],
            ],
            log=folder / "gateway.log",
        )
        try:
            await wait_streaming(port, n_patients, folder, gateway)
            start_s = time.monotonic() - began_s
            page = asyncio.create_task(watch(port))
            await asyncio.sleep(SETTLE_S)
            row = await _measure(port, gateway.pid, seconds)
            page.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await page
            return {"patients": n_patients, "start_s": start_s, **row}
        finally:
            await child_processes.stop(gateway)
            await child_processes.stop(fleet)


def write_ward(ward: WardPlan, folder: Path) -> int:
    """Write settings and fleet of a ward into ``folder``; return the port of its pages."""
    ports = folder / "serial"
    ports.mkdir()
    hub, port = f"unix:{folder / 'air.sock'}", free_port(0)
    source = {subject.id: subject for subject in ward.subjects}
    specs = [
        DeviceSpec(
            d.kind, d.subject, source[d.subject].source,
            str(ports / d.place) if d.is_serial else d.place,
            seed=source[d.subject].seed, options=d.options,
        )
        for d in ward.devices
    ]  # fmt: skip
    (folder / "f.json").write_text(write_spec(specs, hub=hub, ports=str(ports)))
    text = settings_text(
        ward, radio=f"virtual:{hub}", ports=ports, data_folder=folder / "data", port=port,
        extra={"embedded_broker": {"port": free_port(0)}},
    )  # fmt: skip
    (folder / "t.toml").write_text(text)
    return port


async def wait_streaming(
    port: int, n_devices: int, folder: Path, gateway: asyncio.subprocess.Process
) -> None:
    """Wait until all devices stream; raises RuntimeError with the end of the log."""
    deadline_s = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError):
            health = await asyncio.to_thread(read_health, port)
            if health["sessions"]["streaming"] == n_devices:
                return
        if time.monotonic() > deadline_s or gateway.returncode is not None:
            log = (folder / "gateway.log").read_text()[-2000:]
            raise RuntimeError(f"{n_devices} devices did not stream in {START_S:.0f} s:\n{log}")
        await asyncio.sleep(0.5)


def read_health(port: int) -> dict[str, Any]:
    """Return the parts of a gateway's health."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=10) as answer:
        parts: dict[str, Any] = json.load(answer)["parts"]
    return parts


async def watch(port: int) -> None:
    """Be a page that shows the whole ward."""
    address = f"ws://127.0.0.1:{port}/api/v1/stream"
    async with connect(address, max_size=None, compression=None) as socket:
        async for _ in socket:
            pass


async def _measure(port: int, pid: int, seconds: float) -> dict[str, Any]:
    before, counted = usage(pid), await asyncio.to_thread(read_health, port)
    await asyncio.sleep(seconds)
    after, health = usage(pid), await asyncio.to_thread(read_health, port)
    elapsed_s = after.at_s - before.at_s
    records = health["journal"]["records"] - counted["journal"]["records"]
    gaps = health["ingest"]["gap_samples_total"] - counted["ingest"]["gap_samples_total"]
    row: dict[str, Any] = {
        "cpu_percent": 100 * (after.cpu_s - before.cpu_s) / elapsed_s,
        "rss_mb": after.rss_mb,
        "records_per_s": records / elapsed_s,
        "written_kb_per_s": (after.written - before.written) / elapsed_s / 1024,
        "lost_samples": gaps + health["journal"]["lost_total"],
    }
    for name in ("commit", "websocket"):
        for percentile in ("p50", "p95", "p99"):
            value = health[f"latency:{name}"][f"{percentile}_ms"]
            row[f"{name}_ms_{percentile}"] = value
    return row
