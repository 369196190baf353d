"""Dispositions: where the patient goes, and when; what a key asks for beside what was ordered."""

from dataclasses import dataclass

HOME, HERE, HOSPITAL, SENIOR = "home", "here", "hospital", "senior"
"""Destinations: sent home, kept here, to a hospital that can do more, a senior comes and takes
over."""

ORDERED = {
    "discharge": HOME,
    "observe": HERE,
    "transfer": HOSPITAL,
    "refer_emergency": HOSPITAL,
    "escalate": SENIOR,
    "handover": SENIOR,
}
"""Action -> destination."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a key asks for: a destination, and a time in hours.

    A stay is for at least three quarters of ``hours``, a departure or a review within twice that.
    """

    destination: str
    hours: float


PLANS = {
    "transfer_now": Plan(HOSPITAL, 1), "transfer": Plan(HOSPITAL, 6),
    "transfer_pci": Plan(HOSPITAL, 1), "transfer_pci_3_24h": Plan(HOSPITAL, 12),
    "transfer_pacing": Plan(HOSPITAL, 1), "transfer_dialysis": Plan(HOSPITAL, 2),
    "transfer_with_worker": Plan(HOSPITAL, 1), "transfer_with_bvm": Plan(HOSPITAL, 1),
    "transfer_newborn_unit": Plan(HOSPITAL, 1), "transfer_stroke_unit": Plan(HOSPITAL, 1),
    "icu_transfer": Plan(HOSPITAL, 1), "refer_now": Plan(HOSPITAL, 1),
    "emergency_referral": Plan(HOSPITAL, 1), "escalate": Plan(SENIOR, 1),
    "review_now": Plan(SENIOR, 1), "observe": Plan(HERE, 1), "observe_6h": Plan(HERE, 6),
    "observe_24h": Plan(HERE, 24), "observe_then_refer": Plan(HERE, 2),
    "follow_up_2_days": Plan(HOME, 48), "follow_up_2_weeks": Plan(HOME, 336),
    "follow_up_3_months": Plan(HOME, 2160), "home_with_advice": Plan(HOME, 48),
}  # fmt: skip
"""Words that a key uses."""


def matches(word: str, action: str, hours: float | None) -> bool:
    """Return whether ``action`` (``hours`` as ordered, None unsaid) is what ``word`` asks for.

    Words of older cases that are not among `PLANS` take anything but sending home.
    """
    destination = ORDERED.get(action)
    plan = PLANS.get(word)
    if destination is None:
        return False
    if plan is None:
        return destination != HOME
    if destination != plan.destination:
        return False
    if hours is None:
        return True
    return hours >= 0.75 * plan.hours if destination == HERE else hours <= 2.0 * plan.hours
