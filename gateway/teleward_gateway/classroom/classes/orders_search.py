"""Search of what can be done to a patient, by name or label; the same list in every case."""

from pydantic import BaseModel

from teleward_simulators.physiology.actions import ACTIONS

MOST = 40


class OrderItem(BaseModel):
    """An action; ``usual`` is the usual dose in ``unit``, only where the lesson shows it."""

    name: str
    label: str
    unit: str
    usual: float | None


def search_orders(text: str, usual: bool) -> list[OrderItem]:
    """Return the actions whose name or label holds every word of ``text``, best first."""
    words = text.casefold().replace("_", " ").split()

    def place(name: str, label: str) -> int:
        whole = f"{name.replace('_', ' ')} {label}".casefold()
        if not all(word in whole for word in words):
            return -1
        return 0 if words and whole.startswith(words[0]) else 1

    found = [
        (place(action.name, action.label), action.label, action) for action in ACTIONS.values()
    ]
    chosen = sorted((row for row in found if row[0] >= 0), key=lambda row: row[:2])[:MOST]
    return [
        OrderItem(
            name=action.name,
            label=action.label,
            unit=action.unit or "",
            usual=(action.usual or None) if usual and action.unit else None,
        )
        for _, _, action in chosen
    ]
