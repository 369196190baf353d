"""What a rhythm does by time: it decays, and may change every minute or at a cycle of CPR."""

from teleward_simulators.physiology.engine import STEPS_PER_S
from teleward_simulators.physiology.vital import Vital
from teleward_simulators.rhythms.table import RHYTHMS
from teleward_simulators.rhythms.transitions import TIME_LIMITS

MINUTE = 60 * STEPS_PER_S
DECAY = "decay"
Plan = tuple[int, int, str]
"""The step from which, steps between (0: once) and the trigger, or `DECAY`."""
PATIENCE = 4.0
"""Times as long as by itself that a rhythm lasts under compressions."""

EVERY = {"complete_block": ("minute", MINUTE), "svt": ("minutes_10", 10 * MINUTE)}
"""Rhythm -> what may happen of itself, and every how many steps."""


def wait(plan: Plan, now: int) -> int:
    """Return the steps until ``plan`` is due, at least 1."""
    first, every, _ = plan
    if now < first:
        return first - now
    return every - (now - first) % every if every else 1


PAUSE_S = {
    ("svt", "adenosine"): 4.0,
    ("vf", "shock"): 2.5,
    ("vf", "sync_shock"): 2.5,
    ("svt", "sync_shock"): 1.2,
}
"""Seconds of silence drawn before the new rhythm: adenosine's asystole, the stun after a shock."""

KIND = {
    "pvc": "sinus", "bigeminy": "sinus", "couplets": "sinus", "av1": "sinus", "lbbb": "sinus",
    "rbbb": "sinus", "stemi_anterior": "sinus", "stemi_inferior": "sinus",
    "stemi_lateral": "sinus", "agonal": "pea", "p_wave_asystole": "asystole",
}  # fmt: skip
"""Rhythms that the table treats as another."""


def plans(vital: Vital) -> list[Plan]:
    """Return what the rhythm does by time."""
    out = []
    if vital.rhythm in TIME_LIMITS:
        patience = TIME_LIMITS[vital.rhythm][0] * (PATIENCE if vital.cpr_step >= 0 else 1.0)
        out.append((vital.rhythm_step + int(patience * STEPS_PER_S), 0, DECAY))
    elif vital.rhythm in EVERY:
        trigger, every = EVERY[vital.rhythm]
        out.append((vital.rhythm_step + every, every, trigger))
    out += [(step, 0, trigger) for step, trigger in vital.due]
    if vital.cpr_step >= 0 and not RHYTHMS[vital.rhythm].pulse:
        out.append((vital.cpr_step + 2 * MINUTE, 2 * MINUTE, "cpr_cycle"))
    return out
