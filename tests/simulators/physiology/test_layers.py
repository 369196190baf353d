"""Effects of actions lie on top of the course of an illness and never in its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.engine import Engine
from teleward_simulators.physiology.knobs import KNOBS
from teleward_simulators.physiology.layers import MOST, Layer


def test_a_course_goes_on_under_what_was_done() -> None:
    body = Body()
    body.turn("bronch", 0.8, 100.0)
    body.advance(500)
    body.act("beta_blocker", "5 mg")
    body.advance(500)
    assert body.engine.course_of("bronch") == pytest.approx(0.8)
    body.advance(2500)
    assert body.engine.get("bronch") == pytest.approx(1.0), "0.8 x 1.25"
    body.advance(250_000)
    assert body.engine.get("bronch") == pytest.approx(0.8), "it wears off"


def test_a_layer_grows_holds_and_wanes() -> None:
    engine = Engine(settle_s=0)
    engine.lay(Layer("vasodil", "factor", 0.5, over_s=10, hold_s=20, wane_s=10))
    seen = []
    for _ in range(9):
        engine.advance(50)
        seen.append(engine.get("vasodil"))
    assert seen == pytest.approx([0.75, 0.5, 0.5, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0])


def test_kinds_combine_in_their_order() -> None:
    engine = Engine(settle_s=0)
    engine.turn("vasodil", 0.8)
    engine.lay(Layer("vasodil", "scale", 0.5))
    engine.lay(Layer("vasodil", "shift", 0.1))
    engine.lay(Layer("vasodil", "factor", 0.5))
    assert engine.get("vasodil") == pytest.approx((1.0 + (0.8 - 1.0) * 0.5 + 0.1) * 0.5)
    engine.turn("vasodil", 1.0)
    assert engine.get("vasodil") == pytest.approx(0.55), "the course moved, the layers stayed"


def test_thousands_of_doses_are_one_row_a_knob() -> None:
    engine = Engine(settle_s=0)
    for _ in range(20 * MOST):
        engine.lay(Layer("bronch", "shift", 1e-5))
        engine.advance(1)
    assert engine.get("bronch") == pytest.approx(20 * MOST * 1e-5)


def test_a_snapshot_has_the_layers() -> None:
    engine = Engine(settle_s=0)
    engine.turn("bronch", 0.5, 60.0)
    engine.lay(Layer("bronch", "shift", 0.3, over_s=30, hold_s=10, wane_s=60))
    engine.advance(100)
    before = engine.snapshot()
    engine.advance(500)
    after = engine.snapshot()
    engine.restore(before)
    engine.advance(500)
    assert engine.snapshot() == after


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(KNOBS)), st.sampled_from(["scale", "shift", "factor"]),
            st.floats(-5, 5), st.floats(0, 20), st.floats(0, 20), st.floats(0, 20),
        ), max_size=12,
    )
)  # fmt: skip
def test_no_layer_leaves_the_range_of_its_knob(
    rows: list[tuple[str, str, float, float, float, float]],
) -> None:
    engine = Engine(settle_s=0)
    for row in rows:
        engine.lay(Layer(*row))
    engine.advance(100)
    for name, knob in KNOBS.items():
        assert knob.low <= engine.get(name) <= knob.high


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no layer 'shift' on a knob 'soul'"):
        Engine(settle_s=0).lay(Layer("soul", "shift", 1.0))
