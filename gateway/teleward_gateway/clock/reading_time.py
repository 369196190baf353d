"""When a reading of a device with a calendar was taken: now, at its own corrected time, or unknown.

    calendar of the device - how far it is ahead of UTC = time of the reading

How far it is ahead is a *setting* of the device's clock, and nothing that a device states is taken
for granted. What counts, from the surest on:

1. the device's clock, read at this connect before anything set it, and at the connects before;
2. a reading that came in quiet, long after connecting: it was taken just now;
3. a person who settled a reading;
4. a reading whose calendar shows this moment, in the zone stated or else in the gateway's zone,
   as surely as it is new: shown as of four minutes ago it may be of now, by a slow clock;
5. two readings of two connects that came equally long after what their calendars show.

A clock that changed between two connects has two settings, each of which holds for its time only:
a reading fits the settings under which it was neither taken in the future nor before its setting
began. It fits one, or it shows this moment since its clock was set: that is its time. It fits
several: all of them are possible. It fits none, or nothing is known of the clock: the time is
unknown. Records with numbers are in order, so a record that would lie before the one with a lower
number has a calendar of another setting.

Pure: ``now_ns`` is the arrival in UTC, and histories are returned, never changed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

S_NS = 1_000_000_000
LIVE_NS = 300 * S_NS
"""A reading at most five minutes old is the state of now: a cuff takes one to reach a host."""
NEWEST_LIVE_NS = 900 * S_NS
"""The newest record of a memory may be a quarter of an hour old: nothing newer exists."""
TOLERANCE_NS = 2 * S_NS
"""Calendars count whole seconds, and a read takes up to a second."""
SAME_NS = 120 * S_NS
"""Two clock readings that differ by less belong to one setting: the clock drifted."""
DRIFT = 200e-6
"""A poor crystal loses 17 s a day."""
MINUTE_NS = 60 * S_NS
"""Some cuffs stamp whole minutes: a reading of 12:00:00 may have been taken until 12:00:59."""
COINCIDENCE_NS = 120 * S_NS
"""A calendar that shows this moment to two minutes is right, until something contradicts it."""
PAIR_NS = 45 * S_NS
PAIR_APART_NS = 600 * S_NS
"""Two readings that came equally late (to 45 s), ten minutes or more apart, came at once."""
ORDER_NS = 120 * S_NS
ZONES_NS = 14 * 3600 * S_NS
"""No zone is farther from UTC: how far an unread clock may be off, when somebody set it."""
BEGINNING_NS = 0
END_NS = 1 << 62
MOST_SETTINGS = 8
"""Settings remembered of one clock: the readings of older ones were read long ago."""


class When(StrEnum):
    """What a reading belongs to."""

    NOW = "now"
    PAST = "past"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Setting:
    """How far a device's calendar is ahead of UTC (ns, +- error), and when that held.

    It held from some moment after ``from_ns``; ``until_ns`` is when it was known to be gone,
    ``first_ns`` and ``seen_ns`` when it was first and last seen, ``by`` what showed it.
    """

    ahead_ns: int
    error_ns: int
    from_ns: int
    until_ns: int
    first_ns: int
    seen_ns: int
    by: str


@dataclass(frozen=True, slots=True)
class ClockHistory:
    """The settings of one device's clock, oldest first; ``loose`` waits for its pair (rule 5).

    ``loose``: (calendar ahead of the arrival, arrival), both ns.
    """

    settings: tuple[Setting, ...] = ()
    loose: tuple[int, int] | None = None

    def seen(self, calendar_ns: int, time_ns: int, by: str, error_ns: int = 0) -> "ClockHistory":
        """Return the history with one more sight: the calendar showed this at that time (UTC)."""
        ahead_ns, error_ns = calendar_ns - time_ns, error_ns + TOLERANCE_NS
        last = self.settings[-1] if self.settings else None
        if last is None:
            first = Setting(ahead_ns, error_ns, BEGINNING_NS, END_NS, time_ns, time_ns, by)
            return replace(self, settings=(first,), loose=None)
        if time_ns < last.seen_ns:
            return self
        moved_ns = abs(ahead_ns - last.ahead_ns)
        if moved_ns <= SAME_NS + DRIFT * (time_ns - last.seen_ns):
            if error_ns > last.error_ns + moved_ns:
                return self  # a surer sight of the same setting stands
            kept = replace(
                last, ahead_ns=ahead_ns, error_ns=error_ns + moved_ns, seen_ns=time_ns, by=by
            )
            return replace(self, settings=(*self.settings[:-1], kept), loose=None)
        gone = replace(last, until_ns=time_ns)
        new = Setting(ahead_ns, error_ns, last.seen_ns, END_NS, time_ns, time_ns, by)
        settings = (*self.settings[:-1], gone, new)[-MOST_SETTINGS:]
        return replace(self, settings=settings, loose=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one reading when its time is asked for.

    ``calendar_ns`` as in `teleward_signal.model.DeviceStamp`; ``unset``: the device has a calendar
    that nobody ever set. ``memory``: it states that it comes from its memory. ``newest``: the last
    record of a memory that was read to its end. ``quiet``: it came long after connecting, with
    nothing before it. ``offset_minutes`` is the zone, ``is_stated`` by the settings or the device.
    ``floor_ns`` is the time of the record with the next lower number, read just before.
    ``shown_ahead_ns`` is how far the calendar was ahead at this connect, before anything set it.
    """

    calendar_ns: int | None
    now_ns: int
    error_ns: int = 0
    unset: bool = False
    memory: bool = False
    newest: bool = False
    quiet: bool = False
    offset_minutes: int = 0
    floor_ns: int = BEGINNING_NS
    shown_ahead_ns: int | None = None

    @property
    def guess_ns(self) -> int | None:
        """The calendar in UTC, if it were right and in that zone."""
        if self.calendar_ns is None:
            return None
        return self.calendar_ns - self.offset_minutes * 60 * S_NS


@dataclass(frozen=True, slots=True)
class Placement:
    """When a reading was taken: the best time and the bounds (UTC ns), and what shows it.

    ``minute_ns`` is the end of the minute, where a calendar names a whole one: it may count
    minutes only. It widens the bounds within which a wearer is looked for.
    """

    when: When
    time_ns: int
    earliest_ns: int
    latest_ns: int
    by: str
    minute_ns: int = 0

    @property
    def bounds(self) -> tuple[int, int]:
        """The earliest and the latest time."""
        return self.earliest_ns, max(self.latest_ns, self.minute_ns)

    @property
    def uncertainty_ns(self) -> int:
        """How far the time may be off."""
        return max(self.time_ns - self.earliest_ns, self.latest_ns - self.time_ns, 0)


def place(history: ClockHistory, reading: Reading) -> tuple[Placement, ClockHistory]:
    """Return when ``reading`` was taken, and the history with what it shows of the clock."""
    calendar_ns, now_ns = reading.calendar_ns, reading.now_ns
    if calendar_ns is None:
        return _without_time(reading), history
    fitting = [s for s in reversed(history.settings) if _fits(s, reading, calendar_ns)]
    fitting = [s for s in fitting if not _came_before(s, reading, calendar_ns)] or fitting
    shown = _setting_at_connect(history, reading)
    if history.settings and _shows_now(history.settings[-1], reading, calendar_ns):
        fitting = [history.settings[-1]]
    elif shown is not None and _is_fresh(shown, reading, calendar_ns):
        fitting = [shown]
    if fitting:
        return _placed(fitting, reading, calendar_ns), history
    if reading.quiet and not reading.memory:
        arrived = Placement(When.NOW, now_ns, now_ns - TOLERANCE_NS, now_ns, "arrival")
        return arrived, history.seen(calendar_ns, now_ns, "arrival", TOLERANCE_NS)
    if history.settings:
        return _unknown(reading, "another setting of its clock"), history
    return _first_contact(history, reading, calendar_ns)


def _without_time(reading: Reading) -> Placement:
    """Return when a reading without a date was taken: what a memory holds has one."""
    now_ns = reading.now_ns
    if reading.memory or (reading.unset and not reading.quiet):
        return _unknown(reading, "no date")
    return Placement(When.NOW, now_ns, now_ns - S_NS, now_ns, "arrival")


def _fits(setting: Setting, reading: Reading, calendar_ns: int) -> bool:
    time_ns = calendar_ns - setting.ahead_ns
    slack_ns = setting.error_ns + TOLERANCE_NS
    latest_ns = min(setting.until_ns, reading.now_ns) + slack_ns
    earliest_ns = max(setting.from_ns - slack_ns, reading.floor_ns - ORDER_NS)
    return earliest_ns <= time_ns <= latest_ns


def _came_before(setting: Setting, reading: Reading, calendar_ns: int) -> bool:
    """Return whether an earlier connect would have brought the reading, were this its setting."""
    earlier = setting.first_ns < reading.now_ns - NEWEST_LIVE_NS
    return earlier and calendar_ns - setting.ahead_ns < setting.first_ns - TOLERANCE_NS


def _shows_now(newest: Setting, reading: Reading, calendar_ns: int) -> bool:
    """Return whether a reading came after its clock was set, and shows this moment.

    A scale in another zone is set at this connect, and then somebody steps on it. Only a reading
    of one minute some hours ago could show the same by the clock as it was.
    """
    time_ns = calendar_ns - newest.ahead_ns
    since_ns = max(newest.first_ns - S_NS, reading.now_ns - COINCIDENCE_NS)
    may_be_now = reading.newest or not reading.memory
    return may_be_now and since_ns <= time_ns <= reading.now_ns + newest.error_ns


def _setting_at_connect(history: ClockHistory, reading: Reading) -> Setting | None:
    """Return the setting that the clock had when it was read at this connect."""
    ahead_ns = reading.shown_ahead_ns
    if ahead_ns is None:
        return None
    near = (s for s in reversed(history.settings) if abs(s.ahead_ns - ahead_ns) <= SAME_NS)
    return next(near, None)


def _is_fresh(shown: Setting, reading: Reading, calendar_ns: int) -> bool:
    """Return whether a reading shows this moment by the clock as it was read at this connect.

    Devices measure first and connect then. By the setting of before, such as that of summer, it
    might be of an hour ago: within two minutes of now, by chance.
    """
    age_ns = reading.now_ns - (calendar_ns - shown.ahead_ns)
    may_be_now = reading.newest or not reading.memory
    return may_be_now and -shown.error_ns - TOLERANCE_NS <= age_ns <= COINCIDENCE_NS


def _placed(fitting: list[Setting], reading: Reading, calendar_ns: int) -> Placement:
    """Return the placement by all settings that fit, the newest one first."""
    now_ns = reading.now_ns
    times = [min(calendar_ns - s.ahead_ns, now_ns) for s in fitting]
    earliest_ns = min(t - s.error_ns for t, s in zip(times, fitting, strict=True))
    latest_ns = min(now_ns, max(t + s.error_ns for t, s in zip(times, fitting, strict=True)))
    live = {_is_live(now_ns - time_ns, reading) for time_ns in times}
    when = When.UNKNOWN if len(live) > 1 else When.NOW if live.pop() else When.PAST
    whole_ns = 0 if calendar_ns % MINUTE_NS else min(now_ns, latest_ns + MINUTE_NS - S_NS)
    return Placement(when, times[0], earliest_ns, latest_ns, fitting[0].by, whole_ns)


def _is_live(age_ns: int, reading: Reading) -> bool:
    if reading.newest:
        return age_ns <= NEWEST_LIVE_NS
    return age_ns <= LIVE_NS and not reading.memory


def _first_contact(
    history: ClockHistory, reading: Reading, calendar_ns: int
) -> tuple[Placement, ClockHistory]:
    """Return when a reading was taken of whose clock nothing is known."""
    now_ns, guess_ns = reading.now_ns, reading.guess_ns
    assert guess_ns is not None
    age_ns = now_ns - guess_ns
    oldest_ns = NEWEST_LIVE_NS if reading.newest else LIVE_NS
    if -COINCIDENCE_NS <= age_ns <= oldest_ns and (reading.newest or not reading.memory):
        time_ns = min(guess_ns, now_ns)
        # a clock that is slow shows a reading of just now as one of some minutes ago
        bounds = (time_ns - COINCIDENCE_NS, now_ns)
        error_ns = max(COINCIDENCE_NS, age_ns)
        found = history.seen(calendar_ns, time_ns, "calendar", error_ns)
        return Placement(When.NOW, time_ns, *bounds, "calendar"), found
    if reading.memory and not reading.newest:
        return _unknown(reading, "unread clock"), history
    late = (calendar_ns - now_ns, now_ns)
    before = history.loose
    apart = before is not None and late[1] - before[1] >= PAIR_APART_NS
    if before is not None and apart and abs(late[0] - before[0]) <= PAIR_NS:
        found = history.seen(calendar_ns, now_ns, "two connects", PAIR_NS)
        return Placement(When.NOW, now_ns, now_ns - PAIR_NS, now_ns, "two connects"), found
    return _unknown(reading, "unread clock"), replace(history, loose=late)


def _unknown(reading: Reading, why: str) -> Placement:
    """Return what is left: some time before the arrival, after the record before it."""
    guess_ns = reading.guess_ns
    best_ns = reading.now_ns if guess_ns is None else min(guess_ns, reading.now_ns)
    best_ns = max(best_ns, reading.floor_ns)
    earliest_ns = max(reading.floor_ns, BEGINNING_NS if guess_ns is None else best_ns - ZONES_NS)
    return Placement(When.UNKNOWN, best_ns, earliest_ns, reading.now_ns, why)
