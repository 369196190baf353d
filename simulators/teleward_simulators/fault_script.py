"""Faults on a schedule, written on one line each, the same every time for the same seed.

NAME [@START] [+LENGTH] [:key=value,...]        times in seconds after the device starts

link_loss@20                 the link ends once, 20 s after the start
probe_off@30+10              the finger is out from 30 s to 40 s
drop:rate=0.02               one packet in fifty is lost, all the time
silence@60:stuck=true        from 60 s on nothing comes, even after a new connection
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from teleward_signal.errors import Invalid
from teleward_simulators.faults import FAULTS

_LINE = re.compile(
    r"(?P<name>[a-z_]+)(@(?P<start>\d+(\.\d+)?))?(\+(?P<length>\d+(\.\d+)?))?(:(?P<rest>.+))?"
)


class Faulty(Protocol):
    """Something faults can be done to."""

    def fault(self, name: str, **arguments: Any) -> None:
        """Carry a fault out."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One fault from ``start_s`` for ``length_s`` seconds (``None``: until the end)."""

    name: str
    start_s: float = 0.0
    length_s: float | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


def parse_step(line: str) -> Step:
    """Return the step that ``line`` describes; ValueError lists the mistake."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise Invalid(f"fault {line!r}: write NAME[@START][+LENGTH][:key=value,...]")
    name = match["name"]
    if name not in FAULTS:
        raise Invalid(f"fault {line!r}: no fault {name!r}; there are {', '.join(FAULTS)}")
    arguments = {}
    for pair in (match["rest"] or "").split(",") if match["rest"] else ():
        key, equals, value = pair.partition("=")
        if not equals:
            raise Invalid(f"fault {line!r}: {pair!r} is not key=value")
        arguments[key.strip()] = _value(value.strip())
    length = match["length"]
    return Step(name, float(match["start"] or 0.0), float(length) if length else None, arguments)


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


async def play(device: Faulty, steps: Iterable[Step]) -> None:
    """Carry ``steps`` out on ``device``; a fault that ends is cleared, and so are the others."""
    actions: list[tuple[float, str, dict[str, Any]]] = []
    for step in steps:
        actions.append((step.start_s, step.name, step.arguments))
        if step.length_s is not None:
            actions.append((step.start_s + step.length_s, "clear", {}))
    loop = asyncio.get_running_loop()
    start = loop.time()
    for at_s, name, arguments in sorted(actions, key=lambda action: action[0]):
        await asyncio.sleep(max(0.0, start + at_s - loop.time()))
        device.fault(name, **arguments)
