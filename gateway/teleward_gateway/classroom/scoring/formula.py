"""The formula: five parts of 0 to 1, each worth more the more of the critical work was done.

    C = share of the critical weight that was earned            k = 0.3 + 0.7 C
    score = 100 (k (0.30 diagnosis + 0.15 disposition + 0.10 communication + 0.10 handover
                    + 0.05 note) + 0.30 actions)

At most 59, below the pass mark of 60, when a critical action was left out or came after its
window, or when an action of weight -4 or worse was done. Who names the diagnosis and does nothing
gets 19.5.
"""

from dataclasses import dataclass

PASS = 60.0
CAP = 59.0
WEIGHTS = {
    "diagnosis": 0.30,
    "disposition": 0.15,
    "actions": 0.30,
    "communication": 0.10,
    "handover": 0.10,
    "note": 0.05,
}
LEAST_SHARE = 0.3
"""What thoughts and words are worth where nothing critical was done."""
GRAVE = -4.0
"""Weight from which on one harmful action fails the encounter."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a score, each 0 to 1, and what caps it.

    ``critical`` is the share of the critical weight that was earned; ``missed`` the critical
    actions that earned nothing, ``grave`` the harmful ones that fail the encounter.
    """

    diagnosis: float
    disposition: float
    actions: float
    communication: float
    handover: float
    note: float
    critical: float
    missed: tuple[str, ...] = ()
    grave: tuple[str, ...] = ()

    @property
    def is_capped(self) -> bool:
        """Whether the score cannot pass."""
        return bool(self.missed or self.grave)


def share_of(part: str, parts: Parts) -> float:
    """Return what a part adds to the score, in points of 100, before the cap."""
    value = float(getattr(parts, part)) * WEIGHTS[part]
    if part != "actions":
        value *= LEAST_SHARE + (1.0 - LEAST_SHARE) * parts.critical
    return 100.0 * value


def score_of(parts: Parts) -> float:
    """Return the score, 0 to 100 with one decimal."""
    total = sum(share_of(part, parts) for part in WEIGHTS)
    return round(min(total, CAP) if parts.is_capped else total, 1)


def actions_share(earned: float, lost: float, possible: float) -> float:
    """Return the part of actions: what was earned less what harm and needless orders cost."""
    return max(0.0, (earned - lost) / possible) if possible else 0.0
