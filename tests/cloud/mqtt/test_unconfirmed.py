"""Records that a broker has and no storage has confirmed, with their deadlines."""

from collections.abc import Callable

from teleward_cloud.mqtt.unconfirmed import Unconfirmed
from teleward_signal.record import Record

Make = Callable[..., Record]


def test_unconfirmed_by_table(record: Make) -> None:
    ids = [record(seq).id for seq in range(4)]
    table = Unconfirmed(timeout_s=10)
    table.published(ids, now_s=0)
    table.failed(ids[:1])
    table.answered({ids[0]: None, ids[1]: None, ids[2]: "bad value"})
    first = table.settle(ids[1:], now_s=1)
    assert first.acknowledged == (ids[1],)
    assert [found.id for found in first.rejected] == [ids[2]]
    assert first.held == (ids[3],)
    assert first.forgotten == ()
    late = table.settle([], now_s=10)
    assert late.forgotten == (ids[3],)
    table.answered({ids[3]: None})
    assert table.settle([], now_s=11).acknowledged == (), "it has been given back already"
    assert len(table) == 0


def test_a_failed_attempt_leaves_no_deadline_behind(record: Make) -> None:
    found = record(1).id
    table = Unconfirmed(timeout_s=30)
    table.published([found], now_s=0)
    table.failed([found])
    table.published([found], now_s=29)
    assert table.settle([found], now_s=30.5).held == (found,)
    assert table.settle([], now_s=58).forgotten == ()
    assert table.settle([], now_s=59).forgotten == (found,)
