"""A forgotten bond is noticed, mended once by itself, and then only by a person."""

from teleward_drivers.errors import BondLost, DeviceNotFound, LinkLost, OperationRefused
from teleward_gateway.sessions.bond import AGAIN_S, BondPolicy
from teleward_gateway.sessions.states import State

LOST = LinkLost("dropped")


def test_radio_that_says_so_is_believed_at_once() -> None:
    assert BondPolicy().is_lost(BondLost("0x06"), State.CONNECTING, bonded=False)


def test_bluez_only_drops_the_link_three_times_in_a_row() -> None:
    policy = BondPolicy()
    said = [policy.is_lost(LOST, State.DISCOVERING, bonded=True) for _ in range(3)]
    assert said == [False, False, True]


def test_one_good_link_between_clears_the_suspicion() -> None:
    policy = BondPolicy()
    for state in (State.DISCOVERING, State.DISCOVERING, State.STREAMING, State.DISCOVERING):
        assert not policy.is_lost(OperationRefused("0x0f", 0x0F), state, bonded=True)


def test_device_without_a_bond_or_out_of_reach_is_not_suspected() -> None:
    policy = BondPolicy()
    for _ in range(5):
        assert not policy.is_lost(LOST, State.DISCOVERING, bonded=False)
        assert not policy.is_lost(DeviceNotFound("away"), State.SEARCHING, bonded=True)


def test_second_loss_within_the_hour_needs_a_person() -> None:
    policy = BondPolicy()
    assert policy.may_repair(now_s=0.0)
    assert not policy.may_repair(now_s=AGAIN_S - 1)
    assert policy.may_repair(now_s=AGAIN_S)


def test_option_forbids_mending_without_a_person() -> None:
    assert not BondPolicy(allowed=False).may_repair(now_s=0.0)
