"""Read the bands of a case: what a variable must be at a time, untreated and treated."""

import re
from typing import Any

from teleward_simulators.cases.fields import mapping
from teleward_simulators.cases.lined_yaml import Table
from teleward_simulators.cases.model import Band
from teleward_simulators.cases.read_effects import VARIABLES
from teleward_simulators.physiology.actions import ACTIONS

_CHECK = re.compile(r"t([0-9]{1,6})$")


def bands_of(table: Table, name: str, parent: Table | None = None) -> tuple[Band, ...]:
    """Return the bands under ``name`` by time."""
    times = mapping(table, name)
    if not times:
        raise (parent or table).fail("checks: at least one band is needed", name)
    out = []
    for when, bands in times.items():
        match = _CHECK.match(when)
        if match is None:
            raise times.fail(f"{name}: {when!r} is no time, write t120 for 120 s", when)
        if not isinstance(bands, Table):
            raise times.fail(f"{when}: write {{variable: [low, high]}}", when)
        for variable, band in bands.items():
            there = variable in VARIABLES or variable in ACTIONS
            if not there or variable == "rhythm":
                raise bands.fail(f"unknown variable {variable!r}", variable)
            low, high = _band(bands, variable, band)
            out.append(Band(float(match.group(1)), variable, low, high))
    return tuple(sorted(out, key=lambda band: band.at_s))


def _band(bands: Table, variable: str, band: Any) -> tuple[float, float]:
    wrong = bands.fail(f"{variable}: a band is [low, high]", variable)
    if not isinstance(band, list) or len(band) != 2:
        raise wrong
    for value in band:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
            raise wrong
    if band[0] > band[1]:
        raise wrong
    return float(band[0]), float(band[1])
