"""Do the banks withhold what movement has spoilt? Seeded bursts added to a recording."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.accuracy.bidmc_files import FS, Numbers
from teleward_signal.banks.bank import EventKind
from teleward_signal.ppg.bank import PpgBank
from teleward_signal.respiration.bank import RespirationBank
from teleward_signal.respiration.fusion import QUALITY_FLOOR

BURSTS, BURST_S = 6, 20


@dataclass(frozen=True, slots=True)
class Movement:
    """Noise of one band (Hz) in the way of one numeric; ``wrong`` is an error in its unit.

    The first ``settle_s`` seconds, in which the bank has no value of its own yet, do not count.
    """

    low_hz: float
    high_hz: float
    kind: EventKind
    wrong: float
    settle_s: int


OF_PPG = Movement(0.5, 4.0, EventKind.PULSE_RATE, 5.0, 10)
OF_RESPIRATION = Movement(0.1, 1.0, EventKind.RESPIRATORY_RATE, 4.0, 40)


def with_motion(signal: Numbers, movement: Movement, seed: int) -> Numbers:
    """Return the signal with bursts of noise of one to four times its own size."""
    rng = np.random.default_rng(seed)
    out = signal.copy()
    size = float(np.nanstd(signal))
    width = round(BURST_S * FS)
    if len(signal) <= 2 * width:
        return out
    for _ in range(BURSTS):
        at = int(rng.integers(width, len(signal) - width))
        noise = np.fft.rfft(rng.normal(size=width))
        hz = np.fft.rfftfreq(width, 1 / FS)
        noise[(hz < movement.low_hz) | (hz > movement.high_hz)] = 0
        burst = np.fft.irfft(noise, width)
        out[at : at + width] += burst / burst.std() * size * rng.uniform(1, 4)
    return out


def mark_motion(signal: Numbers, clean: NDArray[np.void], movement: Movement) -> list[int]:
    """Count seconds: wrong, wrong and withheld, clean, clean and withheld.

    ``clean`` holds the numerics of the undisturbed recording, one a second.
    """
    bank = PpgBank(FS, 1) if movement is OF_PPG else RespirationBank(FS, 1)
    samples = with_motion(signal, movement, seed=len(signal))[None].astype(np.float32)
    bank.process(samples, np.array([samples.shape[1]], np.int32))
    events = bank.drain()
    moved = events[events["kind"] == movement.kind][movement.settle_s :]
    before = clean[movement.settle_s :]
    known = np.isfinite(before["value"])
    wrong = known & np.isfinite(moved["value"])
    wrong &= np.abs(moved["value"] - before["value"]) > movement.wrong
    withheld = moved["sqi"] < QUALITY_FLOOR
    quiet_withheld = known & (before["sqi"] < QUALITY_FLOOR)
    counts = (wrong, wrong & withheld, known, quiet_withheld)
    return [int(count.sum()) for count in counts]
