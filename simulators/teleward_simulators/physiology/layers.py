"""Layers: what actions do to the knobs, laid over the course of the illness and never in its place.

    knob = (rest + (course - rest) x scales + sum of shifts) x factors, held within its range

The course is what the case, an instructor or an illness turns, and it goes on whatever is done.
Each layer has a time course of its own: it grows along a line, holds, and wanes along a line.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.cache import kernel
from teleward_signal.compiled.records import Floats
from teleward_signal.errors import Invalid
from teleward_simulators.physiology.knobs import KNOB_INDEX, KNOBS

SCALE, SHIFT, FACTOR = 0, 1, 2
KINDS = {"scale": SCALE, "shift": SHIFT, "factor": FACTOR}
"""``scale`` multiplies the distance of the course from rest, ``shift`` adds, ``factor``
multiplies the whole value."""
MOST = 256
"""Rows of a body's table of layers; those that have fully grown and never wane share one a knob."""
COLUMNS = 7
"""Knob, kind, size, steps lived, steps to grow, steps held (0: for good), steps to wane."""
FOR_GOOD = 0.0

LIMITS: NDArray[np.float64] = np.array([(k.rest, k.low, k.high) for k in KNOBS.values()])
"""Rest, least and most of every knob, shape (n_knobs, 3)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One effect on one knob; times in s, ``hold_s`` 0 lasts for good."""

    knob: str
    kind: str
    size: float
    over_s: float = 0.0
    hold_s: float = 0.0
    wane_s: float = 0.0

    def row(self, steps_per_s: int) -> tuple[float, ...]:
        """Return the row of the table; Invalid when there is no such knob or kind."""
        if self.knob not in KNOB_INDEX or self.kind not in KINDS:
            raise Invalid(f"no layer {self.kind!r} on a knob {self.knob!r}")
        times = (round(t * steps_per_s) for t in (self.over_s, self.hold_s, self.wane_s))
        return (float(KNOB_INDEX[self.knob]), float(KINDS[self.kind]), self.size, 0.0,
                *(float(t) for t in times))  # fmt: skip


@kernel
def share_of(lived: float, grow: float, hold: float, wane: float) -> float:
    """Return how much of a layer is there after ``lived`` steps, 0 to 1."""
    if lived < grow:
        return lived / grow
    if hold <= 0.0 or lived <= grow + hold:
        return 1.0
    left = 1.0 - (lived - grow - hold) / max(wane, 1.0)
    return max(left, 0.0)


@kernel
def combine(
    course: Floats, layers: Floats, count: int, sums: Floats, limits: Floats, values: Floats
) -> None:
    """Write into ``values`` what the course and ``count`` layers make of every knob.

    ``course`` and ``values``: shape (n_knobs,); ``sums``: scratch of shape (n_knobs, 3).
    """
    for i in range(len(course)):
        sums[i, 0], sums[i, 1], sums[i, 2] = 1.0, 0.0, 1.0
    for j in range(count):
        knob, kind, size = int(layers[j, 0]), int(layers[j, 1]), layers[j, 2]
        share = share_of(layers[j, 3], layers[j, 4], layers[j, 5], layers[j, 6])
        if kind == SHIFT:
            sums[knob, 1] += size * share
        else:
            sums[knob, kind] *= 1.0 + (size - 1.0) * share
    for i in range(len(course)):
        rest = limits[i, 0]
        value = (rest + (course[i] - rest) * sums[i, 0] + sums[i, 1]) * sums[i, 2]
        values[i] = min(max(value, limits[i, 1]), limits[i, 2])


def tidied(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``rows`` without the ended layers, and one row a knob and kind of those for good."""
    kept: list[NDArray[np.float64]] = []
    lasting: dict[tuple[float, float], int] = {}
    for row in rows:
        knob, kind, size, lived, grow, hold, wane = row
        if hold > FOR_GOOD and lived > grow + hold + wane:
            continue
        if hold > FOR_GOOD or lived < grow:
            kept.append(row)
            continue
        place = lasting.get((knob, kind))
        if place is None:
            lasting[knob, kind] = len(kept)
            kept.append(row.copy())
        elif kind == SHIFT:
            kept[place][2] += size
        else:
            kept[place][2] *= size
    return np.array(kept).reshape(-1, COLUMNS)
