"""The health gate: a new version does what the one before did, else it is taken back."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from teleward_gateway.updating.gate import Gate, Look

BEFORE = Look(
    answers=True, pid=1, memory_bytes=250_000_000, recording=True, commits=900, grows=True,
    streaming=frozenset({"clip"}), reached=frozenset({"sink:mqtt", "tunnel wg0"}),
)  # fmt: skip


def looks(n: int, **changes: object) -> list[Look]:
    """Return a look a second at a version that does all; ``changes`` hold in each."""
    well = replace(BEFORE, pid=2, grows=False)
    return [replace(well, commits=i + 1, **changes) for i in range(n)]  # type: ignore[arg-type]


def verdict(given: Iterable[Look], before: Look = BEFORE) -> list[str]:
    """Return why to go back, at once or at the end; empty: accepted."""
    gate = Gate(before, 0.0, 300.0, old_pid=before.pid)
    for second, look in enumerate(given):
        if reason := gate.take(second, look):
            return [reason]
    assert gate.is_over(300.0)
    return gate.missing(300.0)


STARTING = [BEFORE] * 5 + [Look(pid=2)] * 20


def test_what_does_all_is_accepted() -> None:
    assert verdict(STARTING + looks(276)) == []


def test_a_device_that_sent_once_and_a_broker_that_came_back_are_enough() -> None:
    quiet = looks(200, streaming=frozenset(), reached=frozenset({"tunnel wg0"}))
    assert verdict(STARTING + looks(3) + quiet + looks(73)) == []


@pytest.mark.parametrize(
    "given, reason",
    [
        ([Look()] * 301, "not answered for 151 s"),
        (looks(20) + [Look(pid=2)] * 281, "not answered for 151 s"),
        (looks(240) + [Look(pid=2)] * 61, "does not answer"),
        ([*looks(20), Look(restarts=1)], "ended by itself"),
        (looks(20) + looks(2, pid=3), "ended by itself"),
        (looks(9) + looks(2, memory_bytes=700_000_000), "takes 700 MB"),
        (looks(301, streaming=frozenset()), "no data from clip"),
        (looks(301, reached=frozenset({"tunnel wg0"})), "not reached: sink:mqtt"),
        (looks(200) + looks(101, reached=frozenset({"sink:mqtt"})), "not reached: tunnel wg0"),
        (looks(301, recording=False), "does not record"),
        ([replace(look, commits=7) for look in looks(301)], "journal does not grow"),
    ],
)
def test_what_does_less_goes_back(given: list[Look], reason: str) -> None:
    assert any(reason in each for each in verdict(given))


def test_only_what_was_there_before_is_asked_for() -> None:
    bare = replace(BEFORE, streaming=frozenset(), reached=frozenset(), grows=False)
    less = looks(301, streaming=frozenset(), reached=frozenset())
    assert verdict([replace(look, commits=7) for look in less], bare) == []


def test_one_look_with_much_memory_is_no_reason() -> None:
    assert verdict(looks(9) + looks(1, memory_bytes=900_000_000) + looks(291)) == []


def test_a_look_is_kept_as_json() -> None:
    assert Look.of(BEFORE.to_json()) == BEFORE
