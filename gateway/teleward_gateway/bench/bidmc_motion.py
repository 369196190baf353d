"""Does the PPG bank withhold what movement has spoilt? Seeded bursts added to a recording."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.bench.bidmc_files import FS, Numbers
from teleward_signal.bank import EventKind
from teleward_signal.ppg import PpgBank
from teleward_signal.respiration_fusion import QUALITY_FLOOR

BURSTS, BURST_S = 6, 20
WRONG = 5.0
"""A rate this far (/min) from the one of the undisturbed recording is wrong."""


def with_motion(ppg: Numbers, seed: int) -> Numbers:
    """Return the PPG with bursts of movement: 0.5 to 4 Hz noise, one to four times the pulse."""
    rng = np.random.default_rng(seed)
    out = ppg.copy()
    size = float(np.nanstd(ppg))
    width = round(BURST_S * FS)
    if len(ppg) <= 2 * width:
        return out
    for _ in range(BURSTS):
        at = int(rng.integers(width, len(ppg) - width))
        noise = np.fft.rfft(rng.normal(size=width))
        hz = np.fft.rfftfreq(width, 1 / FS)
        noise[(hz < 0.5) | (hz > 4.0)] = 0
        burst = np.fft.irfft(noise, width)
        out[at : at + width] += burst / burst.std() * size * rng.uniform(1, 4)
    return out


def mark_motion(ppg: Numbers, clean: NDArray[np.void]) -> dict[str, Any]:
    """Count seconds: wrong, wrong and withheld, clean, clean and withheld.

    ``clean`` holds the pulse rates of the undisturbed recording, one a second.
    """
    bank = PpgBank(FS, 1)
    samples = with_motion(ppg, seed=len(ppg))[None].astype(np.float32)
    bank.process(samples, np.array([samples.shape[1]], np.int32))
    events = bank.drain()
    moved = events[events["kind"] == EventKind.PULSE_RATE][10:]
    before = clean[10:]
    known = np.isfinite(before["value"])
    wrong = known & np.isfinite(moved["value"])
    wrong &= np.abs(moved["value"] - before["value"]) > WRONG
    withheld = moved["sqi"] < QUALITY_FLOOR
    quiet_withheld = known & (before["sqi"] < QUALITY_FLOOR)
    counts = (wrong, wrong & withheld, known, quiet_withheld)
    return {"motion": [int(count.sum()) for count in counts]}
