"""What is wrong in a settings file, named by file, line and key."""

from dataclasses import dataclass

from teleward_signal.errors import Invalid

Key = tuple[str | int, ...]
"""The path of a table or key; rows of an array count from 0."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at ``key``, before its line is known."""

    key: Key
    text: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a settings file; ``line`` counts from 1."""

    file: str
    line: int
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.problem}"


class SettingsError(Invalid):
    """A settings file that cannot be used; ``mistakes`` holds every reason."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def dotted(key: Key) -> str:
    """Return a key as people write it: ``devices[1].options.rate``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in key).lstrip(".")
