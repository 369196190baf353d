"""Bedside PEWS: the points of what was measured of a child. A training view, not validated here.

Source: Parshuram, Hutchison and Middaugh, Development and initial validation of the Bedside
Paediatric Early Warning System score, Critical Care 13:R135 (2009), table 1 (open access). Two
cells of that table are written otherwise than all the rest (4 to 12 years: over 150/min; over 12
years: under 50/min); they are read like the rest, from 150 and to 50, which gives more points.

Two of its seven items, capillary refill and respiratory effort, are looked at by a person and are
never known here. So there is no total, only the sum of the points that are known. Ages count from
the birthday that begins a band. The score takes the values as they are displayed.

A teaching and monitoring aid, not a certified medical device.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TITLE = "Bedside PEWS, training view, not validated here"
SOURCE = "Parshuram et al., Critical Care 13:R135 (2009), table 1"
PARAMETERS = ("heart_rate", "nibp_systolic", "respiratory_rate", "spo2", "supplemental_oxygen")
"""What devices measure and people chart of its items; ``heart_rate`` may be a pulse rate."""
UNSEEN = ("capillary refill", "respiratory effort")
"""Items that nothing here measures."""
UNDER_YEARS = 16.0

Limits = tuple[float, float, float, float, float, float]
"""4, 2 and 1 points at or below the first three; 1, 2 and 4 points at or above the last three."""


@dataclass(frozen=True, slots=True)
class Band:
    """The thresholds of an age; it ends at ``under_years``. Rates in /min, pressure in mmHg."""

    name: str
    under_years: float
    limits: Mapping[str, Limits]


def _band(name: str, under: float, heart: Limits, systolic: Limits, breathing: Limits) -> Band:
    limits = {"heart_rate": heart, "nibp_systolic": systolic, "respiratory_rate": breathing}
    return Band(name, under, limits)


BANDS = (
    _band("under 3 months", 0.25, (80, 90, 110, 150, 180, 190), (45, 50, 60, 80, 100, 130),
          (15, 19, 29, 61, 81, 91)),
    _band("3 to 12 months", 1.0, (70, 80, 100, 150, 170, 180), (60, 70, 80, 100, 120, 150),
          (15, 19, 24, 51, 71, 81)),
    _band("1 to 4 years", 4.0, (60, 70, 90, 120, 150, 170), (65, 75, 90, 110, 125, 160),
          (12, 15, 19, 41, 61, 71)),
    _band("4 to 12 years", 12.0, (50, 60, 70, 110, 130, 150), (70, 80, 90, 120, 140, 170),
          (10, 14, 19, 31, 41, 51)),
    _band("over 12 years", UNDER_YEARS, (40, 50, 60, 100, 120, 140), (75, 85, 100, 130, 150, 190),
          (9, 10, 11, 17, 23, 30)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pews:
    """The points of one moment.

    ``points`` and ``values`` hold every parameter that is known, as displayed; ``at_least`` is the
    sum of the points. ``missing`` were never measured or are withheld, ``stale`` are older than
    their validity, ``unseen`` are items that nothing here measures.
    """

    age_band: str
    at_least: int
    points: dict[str, int]
    values: dict[str, float]
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    unseen: tuple[str, ...] = UNSEEN
    title: str = TITLE
    source: str = SOURCE


def band_of(years: float) -> Band | None:
    """Return the thresholds of an age in years, None for 16 and over."""
    return next((band for band in BANDS if years < band.under_years), None)


def points_of(band: Band, parameter: str, value: float) -> int:
    """Return the points of one displayed value: 0, 1, 2 or 4."""
    if parameter == "spo2":
        return 2 if value <= 90 else 1 if value <= 94 else 0
    if parameter == "supplemental_oxygen":  # L/min
        return 4 if value >= 4 else 2 if value > 0 else 0
    low4, low2, low1, high1, high2, high4 = band.limits[parameter]
    if value <= low4 or value >= high4:
        return 4
    if value <= low2 or value >= high2:
        return 2
    return 1 if value <= low1 or value >= high1 else 0


def pews(states: Mapping[str, float | str], years: float) -> Pews | None:
    """Return the points of a child of ``years``; None from 16 on.

    ``states``: by parameter the displayed value, or ``missing`` or ``stale``.
    """
    band = band_of(years)
    if band is None:
        return None
    values = {name: value for name, value in states.items() if isinstance(value, float)}
    points = {name: points_of(band, name, value) for name, value in values.items()}
    return Pews(
        band.name,
        sum(points.values()),
        points,
        values,
        tuple(name for name, state in states.items() if state == "missing"),
        tuple(name for name, state in states.items() if state == "stale"),
    )
