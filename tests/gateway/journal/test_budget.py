"""What goes first when the disk is full: the order of the budget, minute by minute."""

from teleward_gateway.journal.budget import SpanIndex
from teleward_gateway.journal.ranges import Ranges
from teleward_gateway.journal.sink_progress import SinkProgress
from teleward_gateway.journal.spans import Span
from teleward_signal.record import RecordKind


def index_of(count: int) -> SpanIndex:
    """Return minutes of ten waves and ten values each."""
    index = SpanIndex()
    for seq in range(1, 20 * count, 20):
        index.put(Span(seq, seq + 20, 0, 0, 10, 10, 0, 0, {}))
    return index


def order(index: SpanIndex, delivered: Ranges) -> list[tuple[str, int]]:
    """Delete until nothing is left; return what went, in order."""
    went = []
    while (chosen := index.choose(delivered)) is not None:
        table, seq = chosen
        went.append((table, seq // 20))
        left = {name: 10 * ((name, seq // 20) not in went) for name in ("wave", "light")}
        index.put(Span(seq, seq + 20, 0, 0, left["wave"], left["light"], 0, 0, {}))
    return went


def test_delivered_goes_before_owed_and_waves_before_values() -> None:
    # minutes 1 and 2 were delivered, 0 is owed and 3 is in part
    went = order(index_of(4), Ranges([(21, 61), (62, 80)]))
    assert went == [
        ("wave", 1), ("wave", 2), ("light", 1), ("light", 2),
        ("wave", 0), ("wave", 3), ("light", 0), ("light", 3),
    ]  # fmt: skip


def test_without_sinks_the_oldest_waves_go_then_the_oldest_values() -> None:
    assert order(index_of(2), Ranges()) == [("wave", 0), ("wave", 1), ("light", 0), ("light", 1)]


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


def test_the_choice_among_a_year_of_minutes_asks_for_few_of_them() -> None:
    class Counted(Ranges):
        asked = 0

        def covers(self, start: int, stop: int) -> bool:
            Counted.asked += 1
            return super().covers(start, stop)

    index = index_of(5000)
    for seq in range(1, 20 * 4990, 20):
        index.put(Span(seq, seq + 20, 0, 0, 0, 10, 0, 0, {}))
    assert index.choose(Counted([(20 * 4995 + 1, 10**6)])) == ("wave", 20 * 4995 + 1)
    assert Counted.asked == 0, "no minute is looked at for itself"


def test_what_is_delivered_is_what_every_configured_sink_has() -> None:
    progress = SinkProgress()
    assert list(progress.delivered_ranges()) == []
    kinds = frozenset(RecordKind)
    for name in ("a", "b", "old"):
        progress.add(name, kinds, 100, False)
    progress.settle("a", 0, 59, Ranges())
    progress.settle("b", 19, 79, Ranges([(30, 40)]))
    assert list(progress.delivered_ranges()) == []
    progress.retire("old")
    assert list(progress.delivered_ranges()) == [(20, 30), (40, 60)]
    assert list(progress.ranges("a")) == [(1, 60)], "asking changes nothing"
