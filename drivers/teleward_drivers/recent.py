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
