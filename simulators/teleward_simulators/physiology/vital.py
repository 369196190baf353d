"""The discrete state of a body: its rhythm, what was given, and what is due; and a snapshot."""

from dataclasses import dataclass

from teleward_simulators.physiology.engine import Snapshot


@dataclass(frozen=True, slots=True)
class Given:
    """An action carried out: when, in its own unit, and a note for the reader."""

    step: int
    name: str
    dose: float
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class Vital:
    """The discrete state of a body; every value is immutable, so a copy is a snapshot."""

    rhythm: str = "sinus"
    rhythm_step: int = 0
    rate: float = 0.0
    draws: int = 0
    exam: bool = False
    adrenaline_step: int = -(10**9)
    amiodarone: bool = False
    cpr_step: int = -1
    pressure: tuple[tuple[str, float], ...] = ()
    given: tuple[Given, ...] = ()
    pause_s: float = 0.0
    overrides: tuple[tuple[str, float], ...] = ()
    due: tuple[tuple[int, str], ...] = ()
    """Steps at which a drug that was given asks the table of rhythms, and its trigger."""


@dataclass(frozen=True, slots=True)
class BodySnapshot:
    """All there is to continue from."""

    engine: Snapshot
    vital: Vital
