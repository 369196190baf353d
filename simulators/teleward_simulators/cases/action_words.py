"""What people call an action: label in Hindi, and other words to find it by."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from teleward_simulators.cases.answers.answer import Texts
from teleward_simulators.cases.lined_yaml import read
from teleward_simulators.physiology.actions import ACTIONS

WORDS = Path(__file__).with_name("action_words.yaml")


@dataclass(frozen=True, slots=True)
class ActionWords:
    """What people call an action: label in Hindi, and other words."""

    hi: str
    words: tuple[str, ...]


@cache
def action_words() -> dict[str, ActionWords]:
    """Return the words of every action by its name."""
    rows = read(WORDS)
    return {
        name: ActionWords(str(row["hi"]), tuple(str(word) for word in row["words"]))
        for name, row in rows.items()
    }


def action_label(name: str) -> Texts:
    """Return what an action is called, by language."""
    english = ACTIONS[name].label
    known = action_words().get(name)
    return (("en", english), ("hi", known.hi if known else english))
