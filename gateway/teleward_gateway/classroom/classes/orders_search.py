"""Search of what can be done to a patient, in every language; the same list in every case."""

from pydantic import BaseModel

from teleward_simulators.cases.action_words import action_label, action_words
from teleward_simulators.cases.answers.understanding import plain
from teleward_simulators.physiology.actions import ACTIONS

MOST = 40


class OrderItem(BaseModel):
    """An action; ``usual`` is the usual dose in ``unit``, only where the lesson shows it."""

    name: str
    labels: dict[str, str]
    unit: str
    usual: float | None


def labels(name: str) -> dict[str, str]:
    """Return what an action is called, by language."""
    return dict(action_label(name))


def search_orders(text: str, usual: bool) -> list[OrderItem]:
    """Return the actions of which a name holds every word of ``text``, best first.

    None for an empty text: a list to read through would tell what there is to do.
    """
    words = plain(text).split()
    if not words:
        return []

    def place(name: str) -> int:
        """Return 0 when a name begins with the text, 1 when one holds it, -1 when none does."""
        known = action_words().get(name)
        names = [plain(each) for each in (name, *labels(name).values(),
                                          *(known.words if known else ()))]  # fmt: skip
        if any(each.startswith(" ".join(words)) for each in names):
            return 0
        return 1 if all(any(word in each for each in names) for word in words) else -1

    found = [
        (place(action.name), action.label, action)
        for action in ACTIONS.values()
        if not action.counted
    ]
    chosen = sorted((row for row in found if row[0] >= 0), key=lambda row: row[:2])[:MOST]
    return [
        OrderItem(
            name=action.name,
            labels=labels(action.name),
            unit=action.unit or "",
            usual=(action.usual or None) if usual and action.unit else None,
        )
        for _, _, action in chosen
    ]
