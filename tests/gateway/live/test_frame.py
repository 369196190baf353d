"""The binary wave frame: golden bytes, round trip, refusal of what is no frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleward_gateway.live.frame import (
    SAMPLE_LIMIT,
    Frame,
    Run,
    encode_frame,
    join_change,
)
from teleward_gateway.testing.wave_frames import decode_frames, split_change

samples = st.sampled_from((4, 70, SAMPLE_LIMIT)).flatmap(
    lambda limit: st.lists(st.integers(-limit, limit), min_size=1, max_size=60)
)
runs = st.builds(
    lambda channel, generation, first, values: Run(
        channel, generation, first, np.array(values, np.int16)
    ),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    samples,
)


def test_golden_bytes() -> None:
    run = Run(2, 1, 0x01020304, np.array([100, 150, 90, 90 + 300, 390 - 127], np.int16))
    frame = encode_frame(7, 9, [run], beats=1)
    assert frame.hex(" ") == (
        "57 01 07 00 09 00 00 01 "  # magic, one run, key 7, frame 9, one beat
        "02 01 05 00 04 03 02 01 64 00 "  # channel 2, generation 1, 5 samples, index, first = 100
        "32 c4 80 2c 01 81"  # +50, -60, escape +300, -127
    )


def test_golden_bytes_of_small_steps() -> None:
    run = Run(0, 0, 5, np.array([100, 101, 99, 106, 99, 99 - 300, -201, -201, -201], np.int16))
    frame = encode_frame(7, 9, [run])
    assert frame.hex(" ") == (
        "57 01 07 00 09 00 00 00 "
        "00 00 09 80 05 00 00 00 64 00 "  # 9 samples in half bytes
        "e1 97 48 ed 0f 00"  # +1 -2, +7 -7, escape -300 (0xfed4) from its low half on, 0 0 0
    )


@given(
    st.lists(runs, max_size=5), st.integers(0, 65535), st.integers(0, 2**40), st.integers(0, 300)
)
def test_what_is_encoded_is_decoded(wanted: list[Run], key: int, sequence: int, beats: int) -> None:
    message = encode_frame(key, sequence, wanted, beats) + encode_frame(1, 1, [])
    (first, second) = decode_frames(message)
    assert (first.key, first.sequence) == (key, sequence & 0xFFFFFF)
    assert first.beats == min(beats, 255)
    assert second == Frame(1, 1, 0, [])
    for run, back in zip(wanted, first.runs, strict=True):
        assert (back.channel, back.generation) == (run.channel, run.generation)
        assert back.first_index == run.first_index
        assert back.samples.tolist() == run.samples.tolist()


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=200))
def test_small_steps_take_half_the_bytes(steps: list[int]) -> None:
    run = Run(0, 0, 0, np.cumsum([0, *steps]).astype(np.int16))
    escapes = sum(abs(step) > 7 for step in steps)
    least = min(len(steps), (len(steps) + 4 * escapes + 1) // 2)
    assert len(encode_frame(1, 1, [run])) == 18 + least


@given(st.text(), st.binary())
def test_a_change_is_split_from_the_frames(text: str, frames: bytes) -> None:
    assert split_change(join_change(text, frames)) == (text, frames)


@pytest.mark.parametrize("length", range(1, 8))
def test_a_change_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        split_change(join_change("{...}", b"")[:length])


@pytest.mark.parametrize("cut", range(1, 23))
def test_a_frame_cut_short_is_refused(cut: int) -> None:
    frame = encode_frame(7, 9, [Run(0, 0, 5, np.array([0, 300, 1], np.int16))])
    with pytest.raises(ValueError, match="wave frame"):
        decode_frames(frame[: len(frame) - cut])
