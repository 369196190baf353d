"""What is done to a patient, as values that a log keeps, and who else may read them."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from teleward_signal.errors import Invalid
from teleward_simulators.physiology.body import Body


@dataclass(frozen=True, slots=True)
class Order:
    """An order at a tick; ``data`` is plain JSON and belongs to the reader of ``kind``."""

    tick: int
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


class Director(Protocol):
    """Case logic beside the body; its state must be an immutable value."""

    state: Any

    def each_step(self, body: Body) -> None:
        """Look at the body ten times a second of case time."""
        ...

    def order(self, body: Body, order: Order) -> bool:
        """Take an order, True when it was meant for the case."""
        ...


def obey(body: Body, order: Order) -> None:
    """Carry out an order that any patient understands: ``act``, ``knob``, ``rhythm``."""
    data = order.data
    match order.kind:
        case "act":
            body.act(data["name"], data.get("dose", ""))
        case "knob":
            body.turn(data["name"], data["to"], data.get("over", 0.0))
        case "rhythm":
            body.set_rhythm(data["name"], data.get("rate", 0.0))
        case "note":
            pass
        case _:
            raise Invalid(f"no order {order.kind!r}: use act, knob, rhythm, clock or note")
