"""A set of record numbers kept as sorted, disjoint, half-open ranges."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """Integers as ranges ``[start, stop)``; touching ranges are merged.

    Live records first and the backlog behind them keeps this to a handful of ranges.
    """

    __slots__ = ("_starts", "_stops")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in ranges:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Include ``start`` up to but not ``stop``."""
        if stop <= start:
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def remove(self, start: int, stop: int) -> None:
        """Exclude ``start`` up to but not ``stop``."""
        if stop <= start:
            return
        first = bisect_right(self._stops, start)
        last = bisect_left(self._starts, stop)
        if first >= last:
            return
        kept = [
            (low, high)
            for low, high in ((self._starts[first], start), (stop, self._stops[last - 1]))
            if low < high
        ]
        self._starts[first:last] = [low for low, _ in kept]
        self._stops[first:last] = [high for _, high in kept]

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield what of ``[start, stop)`` is not in the set, in order."""
        position = start
        for index in range(bisect_right(self._stops, start), len(self._starts)):
            low = self._starts[index]
            if low >= stop:
                break
            if low > position:
                yield position, low
            position = max(position, self._stops[index])
        if position < stop:
            yield position, stop

    def keep(self, other: "Ranges") -> None:
        """Exclude whatever is not in ``other``."""
        if self._starts:
            for start, stop in list(other.gaps(self._starts[0], self._stops[-1])):
                self.remove(start, stop)

    def covers(self, start: int, stop: int) -> bool:
        """Return whether all of ``[start, stop)`` is in the set."""
        return next(self.gaps(start, stop), None) is None

    def first_missing(self, start: int) -> int:
        """Return the smallest number from ``start`` on that is not in the set."""
        index = bisect_right(self._starts, start) - 1
        return max(start, self._stops[index]) if index >= 0 else start

    def __contains__(self, number: int) -> bool:
        return self.covers(number, number + 1)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    def __len__(self) -> int:
        """Return how many ranges there are."""
        return len(self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"

    __hash__ = None  # type: ignore[assignment]
