"""The table of states lets a session go round for ever and stop from anywhere."""

from importlib.resources import files

import pytest

from teleward_gateway.sessions.states import TRANSITIONS, Event, State, after, diagram


def test_every_state_stops() -> None:
    assert {after(state, Event.STOP) for state in State} == {State.IDLE}


def test_every_state_comes_back_to_streaming() -> None:
    """No state is a dead end: a session needs no person to leave it."""
    reaches = {State.STREAMING}
    while True:
        more = {s for (s, e), t in TRANSITIONS.items() if t in reaches and e is not Event.STOP}
        if more <= reaches:
            break
        reaches |= more
    assert reaches == set(State)


def test_what_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="idle cannot take ready"):
        after(State.IDLE, Event.READY)


def test_diagram_draws_every_transition_but_stop() -> None:
    drawn = [line for line in diagram().splitlines() if ": " in line]
    assert len(drawn) == sum(event is not Event.STOP for _, event in TRANSITIONS)


def test_documentation_shows_the_table_as_it_is() -> None:
    text = files("teleward_gateway.sessions").joinpath("README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram()}\n```" in text
