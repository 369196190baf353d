"""Patient of a log lived once more without waves: same case, same seed, same orders.

    orders of the log, in ticks --clock orders--> steps of the illness --> body and case --> tracks

A class may run its patients at ten times the speed and hold them; the illness only knows its own
time. So ticks become steps of the illness first, exactly as the patient's own clock counts them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from teleward_simulators.cases.model import Case
from teleward_simulators.cases.runner import CaseRun
from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.orders import Order, obey

TRACKS = {"hr": "HR", "spo2": "SPO2", "sbp": "SBP", "rr": "RR"}
"""Tracks, and the variable of the case that each shows."""
MOST_POINTS = 360
"""Points of a track: more than a page has pixels for."""
LEAST_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Lived:
    """One course of an illness: ``tracks`` have a value each ``step_s``, rounded to 0.1.

    ``unstable_s`` counts the seconds in which the case's own condition of a stable patient failed;
    ``arrest_s`` is when the pulse was lost first, None when it never was; ``result`` as the case
    names it, empty when it had none by the end.
    """

    step_s: float
    tracks: dict[str, list[float]]
    unstable_s: float
    arrest_s: float | None
    result: str

    def worst(self, name: str) -> float:
        """Return the lowest value of a track, NaN when it is empty."""
        return min(self.tracks[name], default=math.nan)


def in_case_time(orders: Sequence[Order]) -> list[Order]:
    """Return the orders of a log at steps of the illness (0.1 s) instead of ticks of the devices.

    Orders of the clock are spent on that, and what was set by hand for people (notes) is left out.
    """
    found, tick, tenths, speed = [], 0, 0, STEPS_PER_S
    for order in sorted(orders, key=lambda order: order.tick):
        tenths += speed * (order.tick - tick)
        tick = order.tick
        if order.kind == "clock":
            speed = round(float(order.data["speed"]) * STEPS_PER_S)
        elif order.kind != "bookmark":
            found.append(replace(order, tick=tenths // STEPS_PER_S))
    return found


def relive(case: Case, seed: int, exam: bool, orders: Sequence[Order], until_s: float) -> Lived:
    """Return the course of a patient under ``orders``, which are in steps of the illness.

    Conditions are looked at once a second: half an hour takes some 0.1 s of processor.
    """
    run = CaseRun(case, seed, exam)
    step_s = max(LEAST_STEP_S, math.ceil(until_s / MOST_POINTS))
    tracks: dict[str, list[float]] = {name: [] for name in TRACKS}
    readers = {n: run.director.reader(run.body, v) for n, v in TRACKS.items()}
    stable = case.stable.bind(lambda name: run.director.reader(run.body, name))
    queue = sorted(orders, key=lambda order: order.tick)
    unstable, arrest_s = 0, None
    for second in range(math.ceil(until_s) + 1):
        while queue and queue[0].tick <= second * STEPS_PER_S:
            order = queue.pop(0)
            if not run.director.order(run.body, order):
                obey(run.body, order)
        if second % step_s == 0:
            for name, read in readers.items():
                tracks[name].append(round(float(read()), 1))
        unstable += not stable()
        if arrest_s is None and run.body.engine.get("pulse") < 0.5:
            arrest_s = float(second)
        run.advance(1.0, coarse=True)
    return Lived(step_s, tracks, float(unstable), arrest_s, run.director.state.result)
