"""``make fuzz``: random and mutated bytes into every driver, until each took its millions.

    fuzz_drivers.py                         every driver, 10 million bytes of each engine
    fuzz_drivers.py --driver cms50d --engine atheris --bytes 1000000

Two engines: ``noise`` (uniform bytes, and clean streams with one byte in fifty hurt) and
``atheris`` (coverage-guided). An exception, a buffer beyond its bound or an output unfit for the
gateway ends the run with the input. Each driver prints one line; ``readings`` in noise are false by
nature.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from teleward_drivers.ble import body_composition, cgm, glucose, health_sensor, viatom
from teleward_drivers.catalogue import BUILT_IN, driver
from teleward_drivers.device import DriverInfo
from teleward_drivers.fields import DateTime
from teleward_drivers.fuzzing import Tally, channels, exercise, input_of, make
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.testing import read_vectors
from teleward_drivers.wired import bci, cyton, nonin

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
INPUT_SIZE = 4096
GOLDEN_OF = {"framed-uart": "framed", "framed-serial": "framed", "mi-scale": "field_cases"}
HURT = 50
"""One byte in so many is changed, lost or doubled in a mutated stream."""


def encoded(name: str) -> list[bytes]:
    """Return values of our own encoders, for protocols without whole golden frames."""
    clock = DateTime(2024, 11, 21, 10, 30)
    live = bytes(viatom.LiveValues(98, 72, 80, 1, 3.5))
    oximeter = [bytes(bci.BciFrame(i, 72, 98)) for i in range(80)]
    observation = health_sensor.Observation(((150456, 262688 & 0xFFFF, MedFloat(97)),))
    concentration = MedFloat(120, -5)
    scale = body_composition.BodyComposition(223, values={"weight": 14000})
    return {
        "viatom": [bytes(viatom.Packet(0x55, 0, 0, live))],
        "cgm": [bytes(cgm.CgmRecord(MedFloat(100), 5, with_crc=i > 0)) for i in range(2)],
        "glucose": [bytes(glucose.GlucoseMeasurement(i, clock, 5, concentration)) for i in (1, 2)],
        "body-composition": [bytes(scale)],
        "health-sensor": health_sensor.segments(bytes(observation), 20),
        "bci": oximeter,
        "cms50": oximeter,
        "berrymed": oximeter,
        "nonin": [s.to_bytes(False) for s in nonin.packet_samples(72, 98, list(range(25)))],
        "cyton": [bytes(cyton.CytonFrame(i, (i,) * 8)) for i in range(9)],
        "text": [b"\n", *(b"%d,72\r\n" % i for i in range(500, 530))],
    }.get(name, [])


def seeds(info: DriverInfo) -> list[bytes]:
    """Return valid inputs: golden bytes or our own, repeated to the input's size."""
    values = encoded(info.name)
    path = GOLDEN / f"{GOLDEN_OF.get(info.name, info.name.replace('-', '_'))}.hex"
    if not values and path.exists():
        values = [vector.data for vector in read_vectors(path) if len(vector.data) < 256]
    found = []
    for channel in (channels(make(info)) or [""]) if values else []:
        one = input_of(info, [(channel, value) for value in values])
        found.append((one * (INPUT_SIZE // len(one) + 1))[:INPUT_SIZE])
    return found


def hurt(data: bytes, rng: np.random.Generator) -> bytes:
    """Return ``data`` with bytes flipped, lost and doubled."""
    out = bytearray()
    dice = rng.integers(0, 3 * HURT, len(data))
    for byte, roll in zip(data, dice, strict=True):
        if roll == 0:
            continue
        out.append(byte ^ 1 << int(rng.integers(8)) if roll == 1 else byte)
        if roll == 2:
            out.append(byte)
    return bytes(out)


def fuzz_with_noise(info: DriverInfo, n_bytes: int) -> tuple[Tally, Tally]:
    """Return what came of uniform noise and of mutated seeds, half of the bytes each."""
    rng = np.random.default_rng(20261122)
    noise, mutated = Tally(), Tally()
    clean = seeds(info)
    while noise.n_bytes < n_bytes // (2 if clean else 1):
        exercise(info, rng.bytes(INPUT_SIZE), noise)
        noise.values.clear()
    while clean and mutated.n_bytes < n_bytes // 2:
        exercise(info, hurt(clean[mutated.n_bytes // INPUT_SIZE % len(clean)], rng), mutated)
        mutated.values.clear()
    return noise, mutated


def fuzz_with_atheris(name: str, n_bytes: int, corpus: Path) -> None:
    """Run libFuzzer in this process until ``n_bytes`` were taken; never returns."""
    import atheris

    with atheris.instrument_imports(include=["teleward_drivers"], enable_loader_override=False):
        for module in [m for m in sys.modules if m.startswith("teleward_drivers")]:
            del sys.modules[module]
        from teleward_drivers import catalogue, fuzzing
    info, tally = catalogue.driver(name), fuzzing.Tally()
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(driver(name))):
        (corpus / f"seed-{number}").write_bytes(seed)
    began = time.monotonic()

    def one_input(data: bytes) -> None:
        fuzzing.exercise(info, data, tally)
        tally.values.clear()
        if tally.n_bytes >= n_bytes:
            line = {"driver": name, "engine": "atheris", "bytes": tally.n_bytes}
            line |= {"readings": tally.readings, "blocks": tally.blocks}
            line |= {"max_pending": tally.max_pending, "s": round(time.monotonic() - began, 1)}
            print(json.dumps(line), flush=True)
            os._exit(0)

    arguments = [f"-max_len={INPUT_SIZE}", "-len_control=0", "-verbosity=0", str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], one_input)
    atheris.Fuzz()


def report(name: str, kind: str, tally: Tally, seconds: float) -> None:
    """Print one line."""
    rate = 1e6 * tally.readings / max(1, tally.n_bytes)
    line: dict[str, object] = {"driver": name, "engine": kind, "bytes": tally.n_bytes}
    line |= {"readings": tally.readings, "readings_per_million_bytes": round(rate, 2)}
    line |= {"blocks": tally.blocks, "max_pending": tally.max_pending, "s": round(seconds, 1)}
    print(json.dumps(line), flush=True)


def run_one(name: str, engine: str, n_bytes: int, corpus: Path) -> int:
    """Fuzz one driver with one engine; 1 when it failed."""
    if engine == "atheris":
        words = [sys.executable, __file__, "--driver", name, "--child", "--engine", "atheris"]
        words += ["--bytes", str(n_bytes), "--corpus", str(corpus)]
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(done.stderr[-4000:], file=sys.stderr)
        return int(done.returncode != 0)
    began = time.monotonic()
    noise, mutated = fuzz_with_noise(driver(name), n_bytes)
    seconds = time.monotonic() - began
    report(name, "noise", noise, seconds)
    if mutated.n_bytes:
        report(name, "mutated", mutated, seconds)
    return 0


def main() -> int:
    """Fuzz what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [info.name for info in BUILT_IN]
    parser.add_argument("--driver", choices=names, action="append")
    parser.add_argument("--engine", choices=("noise", "atheris"), action="append")
    parser.add_argument("--bytes", type=int, default=10_000_000)
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        fuzz_with_atheris(chosen.driver[0], chosen.bytes, chosen.corpus)
    failed = 0
    for name in chosen.driver or names:
        for engine in chosen.engine or ("noise", "atheris"):
            failed += run_one(name, engine, chosen.bytes, chosen.corpus / name)
    return min(1, failed)


if __name__ == "__main__":
    sys.exit(main())
