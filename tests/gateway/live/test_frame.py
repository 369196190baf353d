"""The binary wave frame: golden bytes, round trip, refusal of what is no frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleward_gateway.live.frame import SAMPLE_LIMIT, Run, decode_frames, encode_frame

samples = st.lists(st.integers(-SAMPLE_LIMIT, SAMPLE_LIMIT), min_size=1, max_size=60)
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
    run = Run(2, 1, 0x01020304, np.array([100, 101, 99, 99 + 300, 399 - 127], np.int16))
    frame = encode_frame(7, 9, [run])
    assert frame.hex(" ") == (
        "57 01 07 00 09 00 00 00 "  # magic, one run, key 7, frame 9
        "02 01 05 00 04 03 02 01 64 00 "  # channel 2, generation 1, 5 samples, index, first = 100
        "01 fe 80 2c 01 81"  # +1, -2, escape +300, -127
    )


@given(st.lists(runs, max_size=5), st.integers(0, 65535), st.integers(0, 2**40))
def test_what_is_encoded_is_decoded(wanted: list[Run], key: int, sequence: int) -> None:
    message = encode_frame(key, sequence, wanted) + encode_frame(1, 1, [])
    (first, second) = decode_frames(message)
    assert first[:2] == (key, sequence & 0xFFFFFFFF)
    assert second == (1, 1, [])
    for run, back in zip(wanted, first[2], strict=True):
        assert (back.channel, back.generation) == (run.channel, run.generation)
        assert back.first_index == run.first_index
        assert back.samples.tolist() == run.samples.tolist()


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_frame_cut_short_is_refused(cut: int) -> None:
    frame = encode_frame(7, 9, [Run(0, 0, 5, np.array([0, 300, 1], np.int16))])
    with pytest.raises(ValueError, match="wave frame"):
        decode_frames(frame[: len(frame) - cut])
