"""A bounded memory of what was seen: the oldest entry makes room for the newest."""

from collections.abc import Hashable

SIZE = 5000
"""More than the memory of any device we know: two weeks of a glucose sensor are 4032 records."""


class RecentSet:
    """The last `SIZE` different things that were added."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._seen: dict[Hashable, None] = {}

    def __contains__(self, thing: Hashable) -> bool:
        return thing in self._seen

    def add(self, thing: Hashable) -> None:
        """Remember ``thing``."""
        self._seen[thing] = None
        if len(self._seen) > self._size:
            del self._seen[next(iter(self._seen))]


class UndatedRepeats:
    """Repeats of a value without a date, known by how soon they come.

    ``apart_ns`` is less than the device takes for another measurement.
    """

    def __init__(self, apart_ns: int) -> None:
        self._apart_ns = apart_ns
        self._last: tuple[Hashable, int] | None = None

    def is_repeat(self, thing: Hashable, monotonic_ns: int) -> bool:
        """Return whether ``thing`` came so lately that it was not measured again; remember it."""
        last, self._last = self._last, (thing, monotonic_ns)
        return last is not None and last[0] == thing and monotonic_ns - last[1] < self._apart_ns
