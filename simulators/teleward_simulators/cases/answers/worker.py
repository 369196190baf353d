"""What the worker at the bedside was asked: one task at a time, and when each answer is there."""

from dataclasses import dataclass

WAITING, READY, NOT_UNDERSTOOD, NOT_HERE = "waiting", "ready", "not understood", "not here"


@dataclass(frozen=True, slots=True)
class Task:
    """Something to find out; steps are tenths of a second of case time."""

    number: int
    item: str
    asked: str
    by: str
    asked_step: int
    sample_step: int
    """When it is looked at or the blood is taken; until then it is in the worker's queue."""
    due_step: int
    """When the answer is there: later than the sample where a laboratory is involved."""


@dataclass(frozen=True, slots=True)
class Result:
    """An answer; ``at_s`` is the sample's moment in device time."""

    number: int
    item: str
    asked: str
    by: str
    status: str
    text: tuple[tuple[str, str], ...]
    asked_step: int
    sampled_step: int
    due_step: int
    at_s: float = 0.0
    values: tuple[tuple[str, float, str], ...] = ()
    """Name, value and unit of every number."""
