"""Rates and end-tidal values of a patient, from the beats and breaths of the newest seconds."""

import bisect
from collections.abc import Sequence

RATE_WINDOW_S = 10.0
BREATH_WINDOW_S = 30.0
APNOEA_S = 20.0
"""No breath for this long is apnoea: there is no end-tidal value any more."""
Breath = tuple[float, ...]
"""Begin, inspiration and length in s, litres, end-tidal CO2 in mmHg, time constant in s."""


def rate_of(times: Sequence[float], time_s: float) -> float | None:
    """Return the rate of beats in /min at ``time_s``; None when there was none lately."""
    low = bisect.bisect_left(times, time_s - RATE_WINDOW_S)
    found = times[low : bisect.bisect_right(times, time_s)]
    if len(found) < 2 or time_s - found[-1] > 4.0:
        return None
    return 60.0 * (len(found) - 1) / (found[-1] - found[0])


def breathing_rate(breaths: Sequence[Breath], time_s: float) -> float | None:
    """Return the breaths in /min; 0 in apnoea, None while too few are known."""
    starts = [breath[0] for breath in _recent(breaths, time_s)]
    if not starts or time_s - starts[-1] > APNOEA_S:
        return 0.0 if time_s > APNOEA_S else None
    if len(starts) < 2:
        return None
    return 60.0 * (len(starts) - 1) / (starts[-1] - starts[0])


def end_tidal(breaths: Sequence[Breath], time_s: float) -> float | None:
    """Return the end-tidal CO2 in mmHg of the newest complete breath; None in apnoea."""
    recent = _recent(breaths, time_s)
    if not recent or time_s - recent[-1][0] > APNOEA_S:
        return None
    done = [breath for breath in recent if breath[0] + breath[2] <= time_s]
    return done[-1][4] if done else None


def _recent(breaths: Sequence[Breath], time_s: float) -> list[Breath]:
    return [each for each in breaths if time_s - BREATH_WINDOW_S <= each[0] <= time_s]
