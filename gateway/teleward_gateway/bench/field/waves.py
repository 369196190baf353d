"""Waveforms that field reports describe, through driver, clock and signal engine."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_drivers.ble import polar_pmd
from teleward_drivers.device import Driver
from teleward_drivers.link import Received
from teleward_drivers.wired import cyton
from teleward_gateway.bench.accuracy.sweep import measure
from teleward_gateway.bench.accuracy.sweep_signals import (
    Cell,
    beat_times,
    chest,
    ecg,
    noise,
    pacing,
    pulse,
)
from teleward_gateway.bench.field.row import Row
from teleward_gateway.clock.device import DeviceClock
from teleward_signal.engine.engine import Engine, EngineConfig
from teleward_signal.model import Measurement, SampleBlock

S = 1_000_000_000
START_NS = 1_772_352_000 * S
SECONDS = 40.0
SETTLED_S = 15.0
RATE = 72.0
_OFFSET_MV = 75.56
_VERITY = "f001010000000187000101160004" + "0104"
"""The answer of a sensor that announces 135 Hz, 22 bit, four channels."""
_VERITY_HZ, _VERITY_SAMPLES = 55.125, 42
_STRAP_HZ, _STRAP_SAMPLES = 130.0, 73
Numbers = NDArray[np.float64]
Arrivals = Iterable[tuple[int, bytes, str]]
"""Nanoseconds since the start, bytes, channel."""


def rows() -> Iterator[Row]:
    """Yield the rows of waveforms."""
    yield _pacing()
    yield _infant()
    yield _slow_breathing()
    yield _offset()
    yield _false_rate()
    yield _twice()


def _pacing() -> Row:
    fs, per_min = 250.0, 70
    x = pacing(beat_times(per_min, SECONDS, 0.0, 1), fs, SECONDS, 4.0, 0.0)
    shown, rhythms = _one("ecg_ii", fs, x + noise(len(x), 0.01, 1))
    return Row(2, "pacing spikes of 4 mV, 70/min, no beat behind them", "no rate, asystole",
               f"{_range(shown)}; {', '.join(sorted(rhythms)) or 'no rhythm'}",
               not _known(shown) and "asystole" in rhythms)  # fmt: skip


def _infant() -> Row:
    fs, per_min = 60.0, 200.0
    x = pulse("notched", beat_times(per_min, SECONDS, 0.01, 1), fs, SECONDS)
    shown, _ = _one("pleth", fs, x + noise(len(x), 0.005, 1))
    return Row(9, "an infant's pulse of 200/min at 60 Hz", "200 or withheld", _range(shown),
               _within(shown, per_min))  # fmt: skip


def _slow_breathing() -> Row:
    fs, per_min, seconds = 62.5, 6.0, 120.0
    x = chest(per_min, fs, seconds, 1)
    shown, _ = _one("respiration", fs, x + noise(len(x), 0.01, 1))
    return Row(10, "clean breathing of 6/min", "6", _range(shown),
               _within(shown, per_min, 1.0) and bool(_known(shown)))  # fmt: skip


def _one(metric: str, fs: float, samples: Numbers) -> tuple[list[float | None], set[str]]:
    cell = Cell("", "", metric, fs, 0.0, samples.astype(np.float32))
    return measure([cell])[0]


def _offset() -> Row:
    fs = float(cyton.FS)
    beats = ecg("narrow", beat_times(RATE, SECONDS, 0.01, 1), fs, SECONDS)
    x = beats + noise(len(beats), 0.01, 1)

    def frames(add_mv: float) -> Arrivals:
        yield 0, b"OpenBCI V3$$$", ""
        for k in range(0, len(x), 50):
            part = x[k : k + 50] + add_mv
            data = b"".join(_cyton_frame(k + i, mv) for i, mv in enumerate(part))
            yield round(k * S / fs), data, ""

    shown, lost = _stream(cyton.DRIVER.make({"channels": {1: "ecg_ii"}}), frames(_OFFSET_MV), fs)
    rail, _ = _stream(cyton.DRIVER.make({"channels": {1: "ecg_ii"}}), frames(1e6), fs)
    return Row(11, f"an electrode {_OFFSET_MV} mV off on a DC-coupled front end; then at the rail",
               "72; at the rail none", f"{_range(shown)}, {lost} lost; at the rail {_range(rail)}",
               _within(shown, RATE) and bool(_known(shown)) and not _known(rail))  # fmt: skip


def _cyton_frame(counter: int, mv: float) -> bytes:
    count = int(max(-(2**23), min(2**23 - 1, round(mv / cyton.MV_PER_COUNT))))
    channel = count.to_bytes(3, "big", signed=True)
    return bytes([0xA0, counter & 255]) + channel + bytes(21 + 6) + b"\xc0"


def _false_rate() -> Row:
    fs, n = _VERITY_HZ, _VERITY_SAMPLES
    wave = pulse("notched", beat_times(RATE, SECONDS, 0.01, 1), fs, SECONDS)
    light = np.rint(100_000 + 2000 * wave).astype(int).tolist()

    def frames() -> Arrivals:
        yield 0, bytes.fromhex("0f0e" + "00" * 15), polar_pmd.CONTROL
        yield 0, bytes.fromhex(_VERITY), polar_pmd.CONTROL
        for k in range(len(light) // n):
            at = round((k + 1) * n * S / fs)
            values = [[v] * 4 for v in light[k * n : (k + 1) * n]]
            yield at, polar_pmd.data_frame(1, at, values), polar_pmd.DATA

    shown, lost = _stream(polar_pmd.make({}), frames(), 135.0)
    return Row(12, "a sensor that announces 135 Hz and sends 42 samples each 761.9 ms",
               "72, none lost", f"{_range(shown)}, {lost} lost of {len(light)}",
               _within(shown, RATE) and bool(_known(shown)) and lost == 0)  # fmt: skip


def _twice() -> Row:
    fs, n = _STRAP_HZ, _STRAP_SAMPLES
    beats = ecg("narrow", beat_times(RATE, SECONDS, 0.01, 1), fs, SECONDS)
    uv = np.rint(1000 * (beats + noise(len(beats), 0.01, 1))).astype(int).tolist()

    def frames() -> Arrivals:
        for k in range(len(uv) // n):
            at = round((k + 1) * n * S / fs)
            data = polar_pmd.data_frame(0, at, [[v] for v in uv[k * n : (k + 1) * n]])
            yield at, data, polar_pmd.DATA
            yield at + 2_000_000, data, polar_pmd.DATA

    shown, lost = _stream(polar_pmd.make({}), frames(), fs)
    return Row(13, "every notification of a strap comes twice, 2 ms apart", "72, each sample once",
               f"{_range(shown)}, {lost} lost",
               _within(shown, RATE) and bool(_known(shown)) and lost == 0)  # fmt: skip


def _stream(driver: Driver, arrivals: Arrivals, fs: float) -> tuple[list[float | None], int]:
    """Return the rates that a stream gives after settling, and how many samples were lost."""
    clock, engine = DeviceClock(), Engine(EngineConfig(rates_hz=(fs,)))
    handle: Any = None
    shown: list[float | None] = []
    lost = 0
    list(driver.start(START_NS))
    for at, data, channel in arrivals:
        received = Received(data, START_NS + at, at, channel)
        for block in (o for o in driver.feed(received) if isinstance(o, SampleBlock)):
            stamped, gap = clock.stamp_block(block, received)
            lost += gap
            if handle is None:
                handle = engine.open_stream("p", block.metric, block.fs)
            if gap:
                engine.gap(handle, gap)
            engine.push(handle, stamped.time_ns or 0, stamped.physical().astype(np.float32))
        shown += [
            found.value
            for _, found in engine.process(START_NS + at)
            if isinstance(found, Measurement)
            and found.metric in ("heart_rate", "pulse_rate")
            and (found.time_ns or 0) - START_NS > SETTLED_S * S
        ]
    return shown, lost


def _known(shown: list[float | None]) -> list[float]:
    return [value for value in shown if value is not None]


def _within(shown: list[float | None], truth: float, least: float = 5.0) -> bool:
    return all(abs(value - truth) <= max(least, 0.05 * truth) for value in _known(shown))


def _range(shown: list[float | None]) -> str:
    known = _known(shown)
    if not known:
        return f"withheld {len(shown)} of {len(shown)}"
    withheld = len(shown) - len(known)
    return f"{min(known):.0f} to {max(known):.0f}/min, withheld {withheld} of {len(shown)}"
