"""``teleward bench signal``: the engine's speed as ratios against peers, measured in one run.

Thread CPU time, medians of interleaved rounds, one core. Filters: five sections (Butterworth
band-pass 0.5 to 40 Hz of order four, notch at 50 Hz) at 500 Hz in float64. The ECG chain runs as in
the gateway, 200 ms ticks for 64 patients; the libraries, which need a whole recording, are run over
the newest 10 s once a second.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.ecg_peers import NEUROKIT_METHODS, neurokit, peers
from teleward_gateway.bench.c_cascade import compile_c_cascade
from teleward_signal.banks import design
from teleward_signal.banks.sos import cascade, cascade_many
from teleward_signal.ecg.bank import EcgBank
from teleward_simulators.recordings.wfdb_files import Recording

Floats = NDArray[np.float64]
ROUNDS = 7
CHANNELS, BLOCK = 64, 256
FS = 250.0
PATIENTS = 64
AGED = 8
"""Streams in the comparison of young and old ones."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of each measurement")
    parser.add_argument("--no-start", action="store_true", help="leave start-up times out")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure filters, the ECG chain and start-up."""
    result = _filters(arguments.rounds) | _ecg(arguments.rounds)
    return result if arguments.no_start else result | _start()


def table(result: dict[str, Any]) -> str:
    """Print ratios with what they are measured against."""
    names = {
        "sos_vs_scipy_16": "5-section filter, 1 channel, blocks of 16, against scipy.sosfilt",
        "sos_vs_c_64ch": "5-section filter, 64 channels, blocks of 256, against fused C",
        "ecg_vs_gqrs": "ECG chain a patient-second, against wfdb.gqrs on 10 s each second",
        "ecg_vs_neurokit": "the same, against NeuroKit2's fastest with its cleaning",
    }
    lines = []
    for key, text in names.items():
        value = result[key]
        shown = f"{value:8.2f} x" if isinstance(value, float) else f"{value:>10}"
        lines.append(f"{text:<72}{shown}")
    lines.append(f"ECG chain: {result['us_per_patient_second']:.1f} us a patient-second")
    lines.append(f"           {result['patients_per_core']:.0f} patients a core in real time")
    for n, cost in result["us_by_patients"].items():
        lines.append(f"           {int(n):4d} patients: {cost:.1f} us each")
    early, late = result["us_minute_and_hour_old"]
    lines.append(
        f"           streams a minute old {early:.1f} us, an hour old {late:.1f} us, "
        f"{late / early:.2f} x"
    )
    for kind in ("warm", "cold"):
        if kind in result:
            wall_s, cpu_s, megabytes = result[kind]
            lines.append(
                f"start of the engine, {kind} cache: {wall_s:.2f} s "
                f"({cpu_s:.2f} s of processor, all processes), {megabytes:.0f} MB"
            )
    return "\n".join(lines)


def _cpu(function: Callable[[], object]) -> float:
    start = time.thread_time()
    function()
    return time.thread_time() - start


def _filters(rounds: int) -> dict[str, Any]:
    sos = np.vstack([design.butterworth_bandpass(4, 0.5, 40.0, 500.0), design.notch(50, 30, 500.0)])
    rng = np.random.default_rng(1)
    x, wide = rng.standard_normal(32768), rng.standard_normal((8192, CHANNELS))
    y, wide_y = np.empty_like(x), np.empty_like(wide)
    ours, theirs, many, c = [], [], [], []
    scipy_blocks, c_blocks = _scipy(sos, x), compile_c_cascade(sos, wide, BLOCK)

    def one() -> None:
        z = np.zeros((5, 2))
        for i in range(0, len(x), 16):
            cascade(sos, z, x[i : i + 16], y[i : i + 16])

    def side_by_side() -> None:
        z = np.zeros((5, 2, CHANNELS))
        for i in range(0, len(wide), BLOCK):
            cascade_many(sos, z, wide[i : i + BLOCK], wide_y[i : i + BLOCK])

    one()
    side_by_side()
    for _ in range(rounds):
        ours.append(_cpu(one))
        many.append(_cpu(side_by_side))
        if scipy_blocks:
            theirs.append(_cpu(scipy_blocks))
        if c_blocks:
            c.append(_cpu(c_blocks))
    return {
        "sos_vs_scipy_16": _ratio(theirs, ours, "not installed"),
        "sos_vs_c_64ch": _ratio(c, many, "no compiler"),
        "sos_msamples_1ch_16": len(x) / statistics.median(ours) / 1e6,
        "sos_msamples_64ch_256": wide.size / statistics.median(many) / 1e6,
    }


def _ratio(theirs: list[float], ours: list[float], missing: str) -> float | str:
    return statistics.median(theirs) / statistics.median(ours) if theirs else missing


def _scipy(sos: Floats, x: Floats) -> Callable[[], None] | None:
    try:
        from scipy.signal import sosfilt
    except ImportError:
        return None

    def run() -> None:
        zi = np.zeros((5, 2))
        for i in range(0, len(x), 16):
            _, zi = sosfilt(sos, x[i : i + 16], zi=zi)

    return run


def synthetic_ecg(seconds: float, fs: float, seed: int) -> NDArray[np.float32]:
    """Return an ECG in mV: P, QRS and T as Gaussians at varying intervals, wander and noise."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * fs)) / fs
    ecg = 0.1 * np.sin(2 * np.pi * 0.3 * time_s) + rng.normal(0, 0.015, len(time_s))
    at = 0.4
    while at < seconds:
        for shift, width, height in (
            (-0.17, 0.025, 0.12), (-0.03, 0.01, -0.1), (0.0, 0.012, 1.1),
            (0.03, 0.011, -0.2), (0.27, 0.05, 0.28),
        ):  # fmt: skip
            near = slice(*np.searchsorted(time_s, (at + shift - 0.3, at + shift + 0.3)))
            ecg[near] += height * np.exp(-(((time_s[near] - at - shift) / width) ** 2) / 2)
        at += float(rng.normal(0.8, 0.04))
    return ecg.astype(np.float32)


def _chain(patients: int, seconds: int) -> Callable[[], None]:
    """Return a function that takes ``patients`` streams ``seconds`` further in 200 ms ticks."""
    bank = EcgBank(FS, patients)
    ecg = np.stack([synthetic_ecg(60.0, FS, seed) for seed in range(min(patients, 8))])
    ecg = np.resize(ecg, (patients, ecg.shape[1]))
    step = round(0.2 * FS)
    ticks = [np.ascontiguousarray(part) for part in np.split(ecg, ecg.shape[1] // step, axis=1)]
    counts = np.full(patients, step, np.int32)
    at = 0

    def run() -> None:
        nonlocal at
        for _ in range(seconds * 5):
            bank.process(ticks[at], counts)
            bank.drain()
            at = (at + 1) % len(ticks)

    return run


def _ecg(rounds: int) -> dict[str, Any]:
    chain = _chain(PATIENTS, 10)
    chain()
    detectors = {name: run for name, run in peers().items() if name == "wfdb.gqrs"}
    with suppress(ImportError):
        detectors |= {f"nk.{method}": neurokit(method) for method in NEUROKIT_METHODS}
    newest = Recording(
        "newest 10 s", FS, ("II",), ("mV",), synthetic_ecg(10.0, FS, 3)[:, None].astype(float),
        200.0, 0,
    )  # fmt: skip
    for run in detectors.values():
        run(newest)
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in detectors}
    for _ in range(rounds):
        ours.append(_cpu(chain) / (10 * PATIENTS))
        for name, run in detectors.items():
            theirs[name].append(_cpu(lambda run=run: run(newest)))  # type: ignore[misc]
    fastest = [times for name, times in theirs.items() if name.startswith("nk.")]
    fastest.sort(key=statistics.median)
    cost = statistics.median(ours)
    return {
        "ecg_vs_gqrs": _ratio(theirs.get("wfdb.gqrs", []), ours, "not installed"),
        "ecg_vs_neurokit": _ratio(fastest[0] if fastest else [], ours, "not installed"),
        "us_per_patient_second": cost * 1e6,
        "patients_per_core": 1 / cost,
        "us_by_patients": {str(n): _cost(n) for n in (1, 16, 64, 256)},
        "us_minute_and_hour_old": _by_uptime(3 * rounds),
    }


def _cost(patients: int) -> float:
    seconds = max(2, 256 // patients)
    chain = _chain(patients, seconds)
    chain()
    return statistics.median(_cpu(chain) for _ in range(3)) / (patients * seconds) * 1e6


def _by_uptime(rounds: int) -> tuple[float, float]:
    """Return us a patient-second of streams one minute and one hour old, over the same minute."""
    young, old = _chain(AGED, 60), _chain(AGED, 60)
    young()
    for _ in range(60):
        old()
    times = [(_cpu(young), _cpu(old)) for _ in range(rounds)]
    early, late = (statistics.median(side) / (60 * AGED) * 1e6 for side in zip(*times, strict=True))
    return early, late


_PROBE = """
import resource, sys, time
sys.modules.update(scipy=None, coverage=None)
t = time.perf_counter()
from teleward_signal.engine.engine import Engine
Engine().warm()
beside = resource.getrusage(resource.RUSAGE_CHILDREN)
wall = time.perf_counter() - t
cpu = time.process_time() + beside.ru_utime + beside.ru_stime
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(wall, cpu, int(peak.split()[1]) / 1024)
"""
"""As a gateway is installed: numba imports SciPy and coverage where development has them.

Processor time is that of all processes that compile. The peak is of the process itself:
``ru_maxrss`` would count that of its parent too."""


def _start() -> dict[str, Any]:
    """Start the engine in processes of their own, with an empty and with a filled cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        runs = []
        for _ in range(4):
            out = subprocess.run(
                [sys.executable, "-c", _PROBE],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            runs.append(tuple(map(float, out.stdout.split())))
    return {"cold": runs[0], "warm": min(runs[1:])}
