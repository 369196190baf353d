"""Waits grow, stay bounded, scatter, and start again after a steady link."""

import random

from teleward_drivers.ble_link import CONNECT_S, DISCONNECT_S
from teleward_drivers.catalogue import catalogue
from teleward_drivers.errors import DeviceNotFound, LinkLost, LinkUnavailable, Unavailable
from teleward_gateway.sessions.connection import TICK_S
from teleward_gateway.sessions.link_retry import (
    FIRST_S,
    LONGEST_S,
    MISSING_S,
    REFUSED_S,
    STEADY_S,
    LinkRetry,
)

LOST = LinkLost("lost")


def test_wait_doubles_up_to_the_longest() -> None:
    backoff = LinkRetry(random.Random(1))
    waits = [backoff.delay_s(LOST) for _ in range(40)]
    assert FIRST_S / 2 <= waits[0] <= FIRST_S
    assert all(wait <= LONGEST_S for wait in waits)
    assert all(wait >= LONGEST_S / 2 for wait in waits[7:])


def test_two_devices_do_not_come_back_in_step() -> None:
    first, second = LinkRetry(random.Random(1)), LinkRetry(random.Random(2))
    assert first.delay_s(LOST) != second.delay_s(LOST)


def test_only_a_steady_link_forgives() -> None:
    backoff = LinkRetry(random.Random(1))
    for _ in range(10):
        backoff.delay_s(LOST)
    backoff.held(STEADY_S / 2)
    assert backoff.delay_s(LOST) > FIRST_S
    backoff.held(STEADY_S)
    assert backoff.delay_s(LOST) <= FIRST_S


def test_device_out_of_reach_is_waited_for_evenly() -> None:
    backoff = LinkRetry(random.Random(1))
    waits = [backoff.delay_s(DeviceNotFound("away")) for _ in range(20)]
    assert max(waits) <= MISSING_S
    assert backoff.attempts == 0


def test_what_a_person_must_mend_is_tried_once_a_minute() -> None:
    backoff = LinkRetry(random.Random(1))
    assert backoff.delay_s(LinkUnavailable("group", Unavailable.NO_PERMISSION)) == REFUSED_S
    assert backoff.delay_s(LinkUnavailable("adapter", Unavailable.NO_ADAPTER)) <= FIRST_S


LISTENERS = {"hl7-monitor"}
"""A monitor that reports each minute or two is not silent, and calls when it likes."""


def test_silent_link_of_every_driver_is_back_within_two_minutes() -> None:
    """Silence, tear-down, the longest wait, a slow advertiser and a slow connect together."""
    slow_advertiser_s = 10.24
    for info in catalogue().values():
        if info.name in LISTENERS:
            continue
        worst_s = info.silence_s + TICK_S + DISCONNECT_S + LONGEST_S + slow_advertiser_s + CONNECT_S
        assert worst_s <= 120, info.name
