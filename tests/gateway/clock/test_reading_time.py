"""When a reading was taken, by all that is known of the device's clock."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleward_gateway.clock.reading_time import (
    LIVE_NS,
    S_NS,
    TOLERANCE_NS,
    ClockHistory,
    Placement,
    Reading,
    When,
    place,
)

NOW = int(datetime(2026, 11, 29, 6, 0, tzinfo=UTC).timestamp()) * S_NS
MIN, HOUR, DAY = 60 * S_NS, 3600 * S_NS, 86_400 * S_NS
FACTORY = int(datetime(2020, 1, 1, 12, tzinfo=UTC).timestamp()) * S_NS


def read(ahead_ns: int, now_ns: int = NOW) -> ClockHistory:
    """Return what one connect shows of a clock that is ``ahead_ns`` ahead of UTC."""
    return ClockHistory().seen(now_ns + ahead_ns, now_ns, "clock")


def taken(ahead_ns: int, ago_ns: int, history: ClockHistory, **more: object) -> Placement:
    """Place a reading taken ``ago_ns`` ago by a calendar that is ahead of UTC."""
    reading = Reading(calendar_ns=NOW + ahead_ns - ago_ns, now_ns=NOW, **more)  # type: ignore[arg-type]
    return place(history, reading)[0]


AHEAD = [0, -16 * MIN, 330 * MIN, -5 * HOUR, HOUR, -365 * DAY, FACTORY - NOW]


@pytest.mark.parametrize("ahead_ns", AHEAD)
def test_a_clock_that_was_read_places_each_reading(ahead_ns: int) -> None:
    history = read(ahead_ns)
    assert taken(ahead_ns, 5 * S_NS, history).when is When.NOW
    old = taken(ahead_ns, 3 * HOUR, history)
    assert (old.when, old.time_ns) == (When.PAST, NOW - 3 * HOUR)
    assert old.uncertainty_ns <= 2 * TOLERANCE_NS


@given(
    ahead_ns=st.integers(-(10**9) * S_NS, 10**8 * S_NS),
    ago_s=st.integers(0, 10**7),
    offset=st.sampled_from([-300, 0, 60, 330]),
)
def test_zone_and_error_of_a_read_clock_change_nothing(
    ahead_ns: int, ago_s: int, offset: int
) -> None:
    ago_ns = ago_s * S_NS
    found = taken(ahead_ns, ago_ns, read(ahead_ns), offset_minutes=offset)
    assert abs(found.time_ns - (NOW - ago_ns)) <= TOLERANCE_NS
    assert found.when is (When.NOW if ago_ns <= LIVE_NS else When.PAST)
    assert found.earliest_ns <= NOW - ago_ns <= found.latest_ns


@given(
    settings=st.lists(st.integers(-DAY, DAY), min_size=1, max_size=5),
    apart_h=st.integers(1, 48),
    ago_h=st.integers(0, 200),
)
def test_the_true_time_lies_within_the_bounds_whenever_the_clock_changed(
    settings: list[int], apart_h: int, ago_h: int
) -> None:
    """A clock was set between connects; a reading of any moment since the first is sent at last."""
    history = ClockHistory()
    reads = [NOW - (len(settings) - 1 - k) * apart_h * HOUR for k in range(len(settings))]
    for ahead_ns, time_ns in zip(settings, reads, strict=True):
        history = history.seen(time_ns + ahead_ns, time_ns, "clock")
    true_ns = max(NOW - ago_h * HOUR, reads[0])
    at = max(k for k, time_ns in enumerate(reads) if time_ns <= true_ns)
    reading = Reading(calendar_ns=true_ns + settings[at], now_ns=NOW)
    found, _ = place(history, reading)
    assert found.when is not When.UNKNOWN or found.by
    if found.when is When.PAST:
        slack_ns = 5 * MIN  # settings that differ by less than the drift allowed count as one
        assert found.earliest_ns - slack_ns <= true_ns <= found.latest_ns + slack_ns
    if found.when is When.NOW:
        assert NOW - true_ns <= LIVE_NS + 5 * MIN


def test_an_unread_clock_that_shows_this_moment_is_right_and_places_what_came_before() -> None:
    history = ClockHistory()
    first = Reading(calendar_ns=NOW - 3 * HOUR, now_ns=NOW)
    found, history = place(history, first)
    assert found.when is When.UNKNOWN
    live, history = place(history, Reading(calendar_ns=NOW + S_NS, now_ns=NOW + S_NS))
    assert (live.when, live.by) == (When.NOW, "calendar")
    again, _ = place(history, first)
    assert (again.when, again.time_ns) == (When.PAST, NOW - 3 * HOUR)


def test_an_unread_clock_in_the_gateways_zone_is_confirmed_by_a_reading_of_now() -> None:
    reading = Reading(calendar_ns=NOW + 330 * MIN, now_ns=NOW, offset_minutes=330)
    found, history = place(ClockHistory(), reading)
    assert (found.when, found.time_ns) == (When.NOW, NOW)
    assert history.settings[0].ahead_ns == 330 * MIN


@pytest.mark.parametrize("ahead_ns", [-16 * MIN, HOUR, 330 * MIN, -365 * DAY, FACTORY - NOW])
def test_an_unread_clock_that_shows_another_moment_leaves_the_time_unknown(ahead_ns: int) -> None:
    found = taken(ahead_ns, 0, ClockHistory())
    assert found.when is When.UNKNOWN
    assert found.latest_ns == NOW


@pytest.mark.parametrize("ahead_ns", [-16 * MIN, -5 * HOUR, FACTORY - NOW])
def test_two_connects_that_are_equally_late_show_an_unread_clock(ahead_ns: int) -> None:
    before = Reading(calendar_ns=NOW - DAY + ahead_ns - 8 * S_NS, now_ns=NOW - DAY)
    found, history = place(ClockHistory(), before)
    assert found.when is When.UNKNOWN
    now, history = place(history, Reading(calendar_ns=NOW + ahead_ns - 11 * S_NS, now_ns=NOW))
    assert (now.when, now.by) == (When.NOW, "two connects")
    earlier, _ = place(history, before)
    assert earlier.when is When.NOW  # it was, when it arrived


def test_a_reading_in_quiet_is_of_now_whatever_its_calendar_shows() -> None:
    found, history = place(ClockHistory(), Reading(calendar_ns=FACTORY, now_ns=NOW, quiet=True))
    assert (found.when, found.by) == (When.NOW, "arrival")
    old, _ = place(history, Reading(calendar_ns=FACTORY - HOUR, now_ns=NOW + MIN))
    assert (old.when, old.time_ns) == (When.PAST, NOW - HOUR)


def test_a_reading_without_a_date_is_of_now_unless_a_memory_holds_it() -> None:
    assert place(ClockHistory(), Reading(None, NOW))[0].when is When.NOW
    assert place(ClockHistory(), Reading(None, NOW, memory=True))[0].when is When.UNKNOWN
    assert place(ClockHistory(), Reading(None, NOW, unset=True))[0].when is When.UNKNOWN
    assert place(ClockHistory(), Reading(None, NOW, unset=True, quiet=True))[0].when is When.NOW


def test_the_newest_record_of_a_memory_is_of_now_and_the_others_are_history() -> None:
    history = read(0)
    assert taken(0, 20 * S_NS, history, memory=True).when is When.PAST
    assert taken(0, 20 * S_NS, history, memory=True, newest=True).when is When.NOW
    assert taken(0, 12 * MIN, history, memory=True, newest=True).when is When.NOW
    assert taken(0, 40 * MIN, history, memory=True, newest=True).when is When.PAST


def test_a_clock_set_at_a_connect_places_what_was_taken_before_and_after() -> None:
    history = read(-16 * MIN, NOW - DAY).seen(NOW - DAY + 2 * S_NS, NOW - DAY + 2 * S_NS, "clock")
    before = Reading(calendar_ns=NOW - 2 * DAY - 16 * MIN, now_ns=NOW)
    after = Reading(calendar_ns=NOW - HOUR, now_ns=NOW)
    assert place(history, before)[0].time_ns == NOW - 2 * DAY
    assert place(history, after)[0].time_ns == NOW - HOUR


def test_a_reading_after_a_change_of_the_battery_is_not_dated_years_ago() -> None:
    history = read(0, NOW - DAY).seen(FACTORY + 10 * MIN, NOW, "clock")
    fresh = place(history, Reading(calendar_ns=FACTORY + 8 * MIN, now_ns=NOW))[0]
    assert (fresh.when, fresh.time_ns) == (When.NOW, NOW - 2 * MIN)
    older = place(history, Reading(calendar_ns=NOW - 2 * DAY, now_ns=NOW))[0]
    assert (older.when, older.time_ns) == (When.PAST, NOW - 2 * DAY)


def test_a_record_before_one_with_a_lower_number_has_another_setting() -> None:
    found = taken(0, 6 * 365 * DAY, read(0), memory=True, floor_ns=NOW - DAY)
    assert found.when is When.UNKNOWN
    assert (found.earliest_ns, found.latest_ns) == (NOW - DAY, NOW)


def test_a_reading_that_its_clock_dates_in_the_future_is_of_unknown_time() -> None:
    found = taken(0, -2 * HOUR, read(0))
    assert found.when is When.UNKNOWN


def test_a_slow_drift_is_one_setting() -> None:
    history = ClockHistory()
    for day in range(30):
        time_ns = NOW - (30 - day) * DAY
        history = history.seen(time_ns - day * 10 * S_NS, time_ns, "clock")
    assert len(history.settings) == 1
    found = place(history, Reading(calendar_ns=NOW - 290 * S_NS, now_ns=NOW))[0]
    assert found.when is When.NOW


@pytest.mark.parametrize("ahead_ns", [330 * MIN, HOUR])
def test_a_reading_after_its_clock_was_set_is_of_now(ahead_ns: int) -> None:
    """By the clock as it was it might be of some hours ago: within a minute of now, by chance."""
    set_ns = NOW - 10 * S_NS
    history = read(ahead_ns, set_ns - S_NS).seen(set_ns, set_ns, "clock")
    assert taken(0, 5 * S_NS, history).when is When.NOW
    assert taken(0, 5 * S_NS, history, memory=True, newest=True).when is When.NOW
    before = taken(0, 20 * S_NS, history)  # shown before the clock was set: of hours ago
    assert (before.when, before.time_ns) == (When.PAST, NOW - 20 * S_NS - ahead_ns)
    assert taken(0, 5 * S_NS, history, memory=True).when is not When.NOW


@pytest.mark.parametrize("ago_ns", [MIN, 4 * MIN, 10 * MIN])
def test_a_calendar_near_to_now_is_as_sure_as_it_is_new(ago_ns: int) -> None:
    """A clock that nobody can read may be slow by what its reading seems old."""
    found = taken(0, ago_ns, ClockHistory(), memory=True, newest=True)
    assert (found.when, found.time_ns) == (When.NOW, NOW - ago_ns)
    assert found.earliest_ns < NOW - ago_ns
    assert found.latest_ns == NOW
    assert taken(0, 16 * MIN, ClockHistory(), newest=True).when is When.UNKNOWN


def test_a_calendar_of_whole_minutes_may_count_minutes_only() -> None:
    """Cuffs that stamp 12:00:00 measured until 12:00:59: whoever wears them since is possible."""
    whole = taken(0, HOUR, read(0))
    assert whole.uncertainty_ns <= 2 * TOLERANCE_NS
    assert whole.bounds[1] - whole.latest_ns == 59 * S_NS
    odd = taken(0, HOUR - S_NS, read(0))
    assert odd.bounds[1] == odd.latest_ns
    assert taken(0, 0, read(0)).bounds[1] == NOW


@pytest.mark.parametrize("ahead_ns", [HOUR, -HOUR, 330 * MIN])
def test_the_first_reading_after_its_clock_changed_is_of_now(ahead_ns: int) -> None:
    """Summer time ended between two connects: the reading that opens the second is of now."""
    history = read(ahead_ns, NOW - 2 * HOUR).seen(NOW - 3 * S_NS, NOW - 3 * S_NS, "clock")
    assert taken(0, 15 * S_NS, history, shown_ahead_ns=0).when is When.NOW
    assert taken(0, 15 * S_NS, history, shown_ahead_ns=0, memory=True).when is not When.NOW
    assert taken(0, 20 * MIN, history, shown_ahead_ns=0).when is not When.NOW
