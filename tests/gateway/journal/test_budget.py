"""What goes first when the disk is full: the order of the budget, minute by minute."""

from collections.abc import Callable

from teleward_gateway.journal.budget import SpanIndex
from teleward_gateway.journal.spans import Span


def index_of(count: int) -> SpanIndex:
    """Return minutes of ten waves and ten values each."""
    index = SpanIndex()
    for seq in range(1, 20 * count, 20):
        index.put(Span(seq, seq + 20, 0, 0, 10, 10, 0, 0, {}))
    return index


def order(index: SpanIndex, delivered: Callable[[int, int], bool] | None) -> list[tuple[str, int]]:
    """Delete until nothing is left; return what went, in order."""
    went = []
    while (chosen := index.choose(delivered)) is not None:
        table, seq = chosen
        went.append((table, seq // 20))
        left = {name: 10 * ((name, seq // 20) not in went) for name in ("wave", "light")}
        index.put(Span(seq, seq + 20, 0, 0, left["wave"], left["light"], 0, 0, {}))
    return went


def test_delivered_goes_before_owed_and_waves_before_values() -> None:
    # minutes 1 and 2 were delivered, 0 and 3 are owed
    went = order(index_of(4), lambda start, stop: start // 20 in (1, 2))
    assert went == [
        ("wave", 1), ("wave", 2), ("light", 1), ("light", 2),
        ("wave", 0), ("wave", 3), ("light", 0), ("light", 3),
    ]  # fmt: skip


def test_without_sinks_the_oldest_waves_go_then_the_oldest_values() -> None:
    assert order(index_of(2), None) == [("wave", 0), ("wave", 1), ("light", 0), ("light", 1)]


def test_the_floor_is_the_first_minute_of_which_anything_is_left() -> None:
    index = index_of(3)
    assert index.floor() == 1
    index.put(Span(1, 21, 0, 0, 0, 10, 0, 0, {}))
    assert index.floor() == 1, "values are left"
    index.put(Span(1, 21, 0, 0, 0, 0, 0, 0, {}))
    assert index.floor() == 21
    index.forget_below(21)
    assert len(index) == 2
    for seq in (21, 41):
        index.put(Span(seq, seq + 20, 0, 0, 0, 0, 0, 0, {}))
    assert index.floor() == 61
