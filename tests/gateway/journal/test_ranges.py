"""Ranges against a plain set of integers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from teleward_gateway.journal.ranges import Ranges

SPANS = st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(0, 12)), max_size=30)


@given(SPANS, st.integers(0, 60), st.integers(0, 30))
def test_like_a_set(steps: list[tuple[bool, int, int]], start: int, length: int) -> None:
    ranges, model = Ranges(), set[int]()
    for adding, low, size in steps:
        if adding:
            ranges.add(low, low + size)
            model.update(range(low, low + size))
        else:
            ranges.remove(low, low + size)
            model.difference_update(range(low, low + size))
    assert {n for a, b in ranges for n in range(a, b)} == model
    pairs = list(ranges)
    assert all(a < b for a, b in pairs)
    assert all(b < c for (_, b), (c, _) in pairwise(pairs)), "disjoint, merged"
    window = set(range(start, start + length))
    gaps = list(ranges.gaps(start, start + length))
    assert {n for a, b in gaps for n in range(a, b)} == window - model
    assert ranges.covers(start, start + length) == (window <= model)
    assert ranges.first_missing(start) == next(n for n in range(start, 200) if n not in model)


@given(SPANS, SPANS)
def test_keep_is_intersection(
    one: list[tuple[bool, int, int]], two: list[tuple[bool, int, int]]
) -> None:
    left = Ranges((low, low + size) for _, low, size in one)
    right = Ranges((low, low + size) for _, low, size in two)
    expected = {n for n in range(80) if n in left and n in right}
    left.keep(right)
    assert {n for a, b in left for n in range(a, b)} == expected
