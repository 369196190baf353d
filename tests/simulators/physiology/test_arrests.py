"""An arrest decays when nothing is done, and is survived only once its cause is gone."""

import pytest

from teleward_simulators.physiology.arrests import (
    SHOCKABLE,
    WAYS,
    Way,
    arrested,
    decay_s,
    resuscitated,
    way_back,
)
from teleward_simulators.physiology.body import Body
from teleward_simulators.rhythms.transitions import TIME_LIMITS

NAMES = {way.name: way for way in WAYS}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_arrest_ends_in_asystole_by_the_table(way: Way) -> None:
    first, seconds = decay_s(way)
    assert seconds == (TIME_LIMITS[first][0] if first in TIME_LIMITS else 0.0)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_nobody_comes_back_while_the_cause_remains(way: Way) -> None:
    found = way_back(way, cured=False, seeds=8)
    assert (found.arrested, found.back) == (8, 0)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_most_come_back_once_it_is_gone(way: Way) -> None:
    """Sixty of each are counted by ``teleward cases arrest``; fourteen show that the way works."""
    found = way_back(way, cured=True, seeds=14)
    assert found.arrested == 14
    assert 7 <= found.back <= 14


def test_fibrillation_is_not_massaged_away() -> None:
    body = arrested(NAMES["order: VF"], 3)
    assert body is not None
    assert body.rhythm in SHOCKABLE
    assert not resuscitated(body, shocks=False)


def test_a_bag_does_not_pass_a_closed_airway() -> None:
    for closed, moves in ((1.0, False), (0.0, True)):
        body = Body()
        body.turn("upper", closed)
        body.turn("resp_dep", 1.0)
        body.act("bag_mask")
        body.advance(600)
        assert (body.engine.get("mv") > 3.0) == moves
