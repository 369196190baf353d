"""A ward for an hour: memory and file descriptors of the gateway, minute by minute."""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from teleward_gateway.bench.ward import (
    AS_INSTALLED,
    SETTLE_S,
    plan,
    read_health,
    usage,
    wait_streaming,
    watch,
    write_ward,
)
from teleward_gateway.process import child_processes

ROW_S = 60.0
FLAT_MB_PER_H = 10.0
"""What counts as flat: the caches of a ward of 64 are full after some minutes."""
SETTLED = 1 / 3
"""The first part of the time, in which caches fill, does not count for the slope."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--patients", type=int, default=64, help="patients (64)")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the ward, printing a row a minute to standard error."""
    rows = asyncio.run(_run(arguments.patients, 60 * arguments.minutes))
    settled = rows[int(len(rows) * SETTLED) :]
    slope = 0.0
    if len(settled) > 1:
        times, sizes = [row["s"] for row in settled], [row["rss_mb"] for row in settled]
        slope = statistics.linear_regression(times, sizes).slope * 3600
    return {
        "patients": arguments.patients, "rows": rows, "mb_per_h": slope,
        "fds": [min(row["fds"] for row in settled), max(row["fds"] for row in settled)],
        "lost": rows[-1]["lost"],
    }  # fmt: skip


def table(result: dict[str, Any]) -> str:
    """Return the rows and the verdict for people."""
    lines = [HEAD, *map(_line, result["rows"])]
    low, high = result["fds"]
    flat = result["mb_per_h"] <= FLAT_MB_PER_H and high - low <= 2
    lines.append(
        f"{result['patients']} patients: {result['mb_per_h']:+.1f} MB an hour, {low} to {high} "
        f"file descriptors, {result['lost']} records lost: {'flat' if flat else 'NOT FLAT'}"
    )
    return "\n".join(lines)


HEAD = f"{'minute':>6} {'RSS MB':>7} {'files':>5} {'records':>8} {'lost':>5} {'log kB':>7}"


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['s'] / 60:>6.1f} {row['rss_mb']:>7.1f} {row['fds']:>5} {row['records']:>8} "
        f"{row['lost']:>5} {row['log_kb']:>7.1f}"
    )


async def _run(n_patients: int, seconds: float) -> list[dict[str, Any]]:
    """Return a row a minute of a ward with one page open."""
    with tempfile.TemporaryDirectory(prefix="teleward-soak-") as name:
        folder = Path(name)
        port = write_ward(plan(n_patients), folder)
        fleet = await child_processes.start(
            [sys.executable, "-m", "teleward_simulators.fleet", "--spec", str(folder / "f.json")],
            log=folder / "fleet.log",
        )
        gateway = await child_processes.start(
            [sys.executable, "-c", AS_INSTALLED, "run", "--config", str(folder / "t.toml")],
            log=folder / "gateway.log",
        )
        try:
            await wait_streaming(port, n_patients, folder, gateway)
            page = asyncio.create_task(watch(port))
            await asyncio.sleep(SETTLE_S)
            rows = await _rows(port, gateway.pid, folder / "gateway.log", seconds)
            page.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await page
            return rows
        finally:
            await child_processes.stop(gateway)
            await child_processes.stop(fleet)


async def _rows(port: int, pid: int, log: Path, seconds: float) -> list[dict[str, Any]]:
    print(HEAD, file=sys.stderr)
    began_s, rows = time.monotonic(), list[dict[str, Any]]()
    while True:
        before, elapsed_s = (rows[-1] if rows else None), time.monotonic() - began_s
        rows.append(await asyncio.to_thread(_row, port, pid, log, elapsed_s, before))
        print(_line(rows[-1]), file=sys.stderr, flush=True)
        left_s = seconds - (time.monotonic() - began_s)
        if left_s <= 0:
            return rows
        await asyncio.sleep(min(ROW_S, left_s))


def _row(
    port: int, pid: int, log: Path, elapsed_s: float, before: dict[str, Any] | None
) -> dict[str, Any]:
    """Return a row; what health does not answer in time is that of the row ``before``.

    An hour is not given up for one slow answer of a crowded machine: memory and files are those of
    now. Raises OSError when the gateway is gone.
    """
    row: dict[str, Any] = {
        "s": elapsed_s,
        "rss_mb": usage(pid).rss_mb,
        "fds": len(os.listdir(f"/proc/{pid}/fd")),
        "log_kb": log.stat().st_size / 1000,
        **{key: before[key] if before else 0 for key in ("records", "lost")},
    }
    with contextlib.suppress(OSError):
        journal = read_health(port)["journal"]
        row |= {"records": journal["records"], "lost": journal["lost_total"]}
    return row
