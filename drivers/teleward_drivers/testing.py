"""Help for the tests of a driver, in this project and in packages of others.

    from teleward_drivers.testing import read_vectors, receive

Golden files: one vector a line, ``hex | meaning | source``; ``#`` starts a comment.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from teleward_drivers.device import Driver, Output
from teleward_drivers.link import Received

START_NS = 1_700_000_000_000_000_000
"""A moment for tests: 2023-11-14 22:13:20 UTC."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Bytes from outside the code under test, and what they mean."""

    data: bytes
    meaning: str
    source: str


def read_vectors(path: Path) -> list[Vector]:
    """Return the vectors of a golden file; ValueError names the line that is not one."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|", 2)]
        if len(parts) != 3:
            raise ValueError(f"{path}:{number}: expected 'hex | meaning | source'")
        found.append(Vector(bytes.fromhex(parts[0]), parts[1], parts[2]))
    return found


def receive(
    driver: Driver, data: bytes, channel: str = "", time_ns: int = START_NS
) -> list[Output]:
    """Feed one piece of bytes to ``driver`` and return its output."""
    return list(driver.feed(Received(data, time_ns, time_ns - START_NS, channel)))


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Return ``data`` cut at ``cuts``."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]
