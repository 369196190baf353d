"""Rules 1 to 6 of every stream decoder, about bytes (numbered as in `drivers/README.md`).

1 any chunking  2 garbage before  3 a byte lost, doubled or flipped costs at most two frames
4 one byte is skipped at a time  5 bounded buffer  6 streams glued after a reconnect
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_drivers import framed_messages as messages
from teleward_drivers.ble import viatom
from teleward_drivers.device import Discarded
from teleward_drivers.fields import DateTime
from teleward_drivers.framed import MAX_FRAME, FrameDecoder
from teleward_drivers.testing import pieces
from teleward_drivers.wired import (
    bci,
    cms50d,
    cyton,
    healthypi,
    masimo,
    nonin,
    text,
)

N = 12
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Case:
    """A decoder and clean frames of its protocol; ``tail`` confirms the last of them.

    ``wrong`` frames may pass when one byte is hurt: 0 with a checksum against what happened.
    """

    name: str
    make: Callable[[], Any]
    frames: tuple[bytes, ...]
    max_frame: int
    tail: bytes = b""
    head: bytes = b""
    wrong: int = 1

    @property
    def clean(self) -> bytes:
        return b"".join(self.frames)


def framed_frame(i: int) -> bytes:
    values = (messages.Numeric(1, 60.0 + i), messages.Numeric(3, 97.0))
    return bytes(messages.frame(messages.Numerics(values), i, 1000 * i))


def nonin_frames(wide: bool) -> tuple[bytes, ...]:
    samples = nonin.packet_samples(72, 98, [40 + i for i in range(25)])
    return tuple(sample.to_bytes(wide) for sample in samples[:N])


SPOT = DateTime(2024, 11, 21, 10, 30)
MASIMO = {"SN": "0000056661", "SPO2": "098", "BPM": "097", "PI": "03.60", "EXC": "000800"}
SKETCH = {
    "columns": [{"metric": "ecg_ii", "scale": 0.01}, {"metric": "heart_rate"}],
    "rate": 10.0,
    "sentinels": [-999],
    "markers": {"!": "lead_off"},
}
LAYOUT = text.layout(SKETCH)
R = range(N)
CASES = (
    Case("framed", FrameDecoder, tuple(map(framed_frame, R)), MAX_FRAME, wrong=0),
    Case(
        "cms50d",
        cms50d.Cms50dDecoder,
        tuple(bytes(cms50d.Live(30 + i, 72, 98, 1.5, bar=3)) for i in R),
        10,
        b"\x01",
    ),
    Case(
        "bci",
        bci.BciDecoder,
        tuple(bytes(bci.BciFrame(30 + i, 72, 98, bar=3)) for i in R),
        6,
        b"\x80",
    ),
    Case("nonin-2", lambda: nonin.NoninDecoder(2), nonin_frames(False), 5),
    Case("nonin-7", lambda: nonin.NoninDecoder(7), nonin_frames(True), 5),
    Case(
        "nonin-8",
        lambda: nonin.NoninDecoder(8),
        tuple(bytes(nonin.SlowFrame(60 + i, 98)) for i in R),
        5,
        b"\x80",
    ),
    Case(
        "nonin-13",
        lambda: nonin.NoninDecoder(13),
        tuple(bytes(nonin.SpotCheck(SPOT, 60 + i, 98)) for i in R),
        nonin.MAX_SPOT,
    ),
    Case(
        "viatom",
        viatom.ViatomDecoder,
        tuple(
            bytes(viatom.Packet(0x55, 0, i, bytes(viatom.LiveValues(98, 60 + i, 80)))) for i in R
        ),
        viatom.OVERHEAD + viatom.MAX_PAYLOAD,
    ),
    Case(
        "healthypi-4",
        healthypi.HealthyPiDecoder,
        tuple(healthypi.pack_v4(i, 3, 1000, 2000, 36.5, (16, 98, 74)) for i in R),
        healthypi.MAX_FRAME,
    ),
    Case(
        "healthypi-5",
        healthypi.HealthyPiDecoder,
        tuple(healthypi.pack_v5(i, 3, 1000, 2000, 36.5, (98, 16, 74)) for i in R),
        healthypi.MAX_FRAME,
    ),
    Case(
        "cyton",
        cyton.CytonDecoder,
        tuple(bytes(cyton.CytonFrame(i, (i, -i, 3, 4, 5, 6, 7, 8))) for i in R),
        34,
        b"\xa0",
    ),
    Case(
        "masimo",
        masimo.MasimoDecoder,
        tuple(bytes(masimo.MasimoLine(DateTime(2024, 11, 21, 10, 30, i), MASIMO)) for i in R),
        masimo.MAX_LINE,
        head=b"\n",
    ),
    Case(
        "text",
        lambda: text.TextDecoder(LAYOUT),
        tuple(LAYOUT.line([500 + i, 72]) for i in R),
        text.MAX_LINE,
        head=b"\n",
    ),
)
every_decoder = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def split(outputs: Sequence[Any]) -> tuple[list[Any], int]:
    """Return the frames and the number of bytes discarded."""
    frames = [out for out in outputs if not isinstance(out, Discarded)]
    return frames, sum(out.n_bytes for out in outputs if isinstance(out, Discarded))


def decode(case: Case, data: bytes, cuts: Sequence[int] = ()) -> tuple[list[Any], int]:
    decoder = case.make()
    return split([out for piece in pieces(data, cuts) for out in decoder.feed(piece)])


def expected(case: Case) -> list[Any]:
    frames, discarded = decode(case, case.head + case.clean + case.tail)
    assert len(frames) == N
    assert discarded == len(case.head)
    return frames


def recovered(clean: list[Any], found: list[Any]) -> tuple[int, int]:
    """Return how many clean frames came, in order, and how many others (longest subsequence)."""
    row = [0] * (len(clean) + 1)
    keys = [repr(frame) for frame in clean]
    for frame in map(repr, found):
        before = row
        row = [0]
        for i, key in enumerate(keys):
            row.append(before[i] + 1 if key == frame else max(before[i + 1], row[i]))
    return row[-1], len(found) - row[-1]


@every_decoder
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_1_frames_do_not_depend_on_the_chunks(case: Case, data: st.DataObject) -> None:
    noise = data.draw(st.binary(max_size=60))
    at = data.draw(st.integers(0, len(case.clean)))
    stream = case.clean[:at] + noise + case.clean[at:] + case.clean
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=30))
    whole = decode(case, stream)
    assert decode(case, stream, cuts) == whole
    assert decode(case, stream, range(len(stream))) == whole


@every_decoder
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_2_garbage_before_and_a_start_inside_a_frame(case: Case, data: st.DataObject) -> None:
    noise = data.draw(st.binary(max_size=80))
    start = data.draw(st.integers(0, len(case.frames[0])))
    clean = expected(case)
    # twice: a false start may wait for as many bytes as its longest frame
    stream = noise + case.clean[start:] + case.clean * 3 + case.tail
    kept, _ = recovered(clean[1:] + clean * 3, decode(case, stream)[0])
    assert kept >= 4 * N - 1 - 2


@every_decoder
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_3_a_hurt_byte_costs_at_most_two_frames(case: Case, data: st.DataObject) -> None:
    stream = case.clean * 2
    at = data.draw(st.integers(0, len(stream) - 1))
    how = data.draw(st.sampled_from(("lost", "doubled", "flipped")))
    bit = data.draw(st.integers(0, 7))
    hurt = {
        "lost": b"",
        "doubled": stream[at : at + 1] * 2,
        "flipped": bytes([stream[at] ^ 1 << bit]),
    }
    broken = case.head + stream[:at] + hurt[how] + stream[at + 1 :]
    # enough behind it for a corrupt length to be found out
    broken += case.clean * (1 + case.max_frame // len(case.clean)) + case.tail
    clean = expected(case) * (3 + case.max_frame // len(case.clean))
    kept, wrong = recovered(clean, decode(case, broken)[0])
    assert kept >= len(clean) - 2
    assert wrong <= case.wrong


@every_decoder
def test_4_a_broken_frame_does_not_take_its_neighbour_along(case: Case) -> None:
    clean = expected(case)
    for size in range(1, len(case.frames[0])):
        stream = case.head + case.frames[0][:size] + case.clean * 12 + case.tail
        found, _ = decode(case, stream)
        kept, _ = recovered(clean * 12, found)
        assert kept >= 12 * N - 2, size


@every_decoder
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), chunk=st.integers(1, 700))
def test_5_the_buffer_is_bounded(case: Case, seed: int, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    decoder = case.make()
    seen = 0
    for _ in range(40):
        noise = rng.integers(0, 256, chunk, np.uint8).tobytes()
        decoder.feed(noise)
        seen += chunk
        assert decoder.pending <= case.max_frame
        assert decoder.counters.bytes_discarded <= seen
    # a stream of nothing but the first byte of a frame, and one without any line end
    for filler in (case.frames[0][:1], b"7"):
        for _ in range(20):
            decoder.feed(filler * 97)
            assert decoder.pending <= 4 * case.max_frame


@every_decoder
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_6_two_streams_glued_after_a_reconnect(case: Case, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(case.clean)))
    start = data.draw(st.integers(0, len(case.frames[0])))
    clean = expected(case)
    before = len(decode(case, case.head + case.clean[:cut] + case.tail)[0])
    stream = case.head + case.clean[:cut] + case.clean[start:] + case.clean * 3 + case.tail
    kept, wrong = recovered(clean[:before] + clean[1:] + clean * 3, decode(case, stream)[0])
    assert kept >= before + 4 * N - 1 - 2
    assert wrong <= 1
