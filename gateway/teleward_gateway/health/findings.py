"""Findings of ``teleward doctor``: each has a state and a remedy."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """Works, but will cause problem."""
    FAILED = "failed"
    """The gateway cannot do its work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; ``remedy`` is a command or an action, empty when all is well."""

    check: str
    state: State
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(check, State.OK, text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Return a finding that should be looked after."""
    return Finding(check, State.WARNING, text, remedy)


def failed(check: str, text: str, remedy: str) -> Finding:
    """Return a finding that must be corrected."""
    return Finding(check, State.FAILED, text, remedy)
