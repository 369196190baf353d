"""The retry policy: doubling, jitter, a limit, and when it begins again."""

import random

from teleward_gateway.process.backoff import Backoff


def test_backoff_doubles_with_jitter_up_to_a_limit() -> None:
    backoff = Backoff(0.5, 30, rng=random.Random(3))
    delays = [backoff.failed() for _ in range(12)]
    assert all(0.25 * 2**i <= d <= 0.5 * 2**i for i, d in enumerate(delays[:6]))
    assert all(15 <= d <= 30 for d in delays[7:])
    assert len(set(delays)) == len(delays)
    assert backoff.failed(least_s=120) == 120
    backoff.succeeded()
    assert backoff.failed() <= 0.5


def test_only_what_held_long_enough_begins_again() -> None:
    backoff = Backoff(1.0, 60.0, 300.0, random.Random(3))
    for _ in range(5):
        backoff.failed()
    backoff.held(299.0)
    assert backoff.failed() > 8.0
    backoff.held(300.0)
    assert backoff.failed() <= 1.0
