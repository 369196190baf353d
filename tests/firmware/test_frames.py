"""C and Python make the same bytes, and read each other's."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_drivers import framed_codes as codes
from teleward_drivers import framed_messages as messages
from teleward_drivers.framed import Frame, FrameDecoder
from teleward_drivers.testing import read_vectors

GOLDEN = Path(__file__).parents[1] / "golden" / "framed.hex"
Codec = Callable[[list[str]], list[str]]

U8, U16, U32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
FLOAT = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def codec(build: Path) -> Codec:
    """Ask the C library: lines in, lines out (see `firmware_stubs/host_test/codec.c`)."""

    def ask(lines: list[str]) -> list[str]:
        text = "\n".join(lines) + "\n"
        done = subprocess.run([build / "codec"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return ask


def hex_or_dash(data: bytes) -> str:
    return data.hex() or "-"


def bits(value: float) -> int:
    return int(np.float32(value).view(np.uint32))


def fitting(text: str, most: int) -> str:
    """Cut as the C library does: between characters."""
    return text.encode()[:most].decode(errors="ignore")


@st.composite
def hellos(draw: st.DrawFn) -> tuple[str, messages.Message]:
    texts = [draw(TEXT) for _ in range(4)]
    n_streams, capabilities = draw(U8), draw(U16)
    words = " ".join(hex_or_dash(text.encode()) for text in texts)
    maker, model, serial, firmware = (fitting(text, 40) for text in texts)
    message = messages.Hello(n_streams, capabilities, maker, model, serial, firmware)
    return f"{n_streams} {capabilities} {words}", message


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, messages.Message]:
    number, size, rate = draw(U8), draw(st.sampled_from([2, 4])), draw(st.integers(1, 10**6))
    channel = st.builds(messages.Channel, U16, FLOAT, FLOAT)
    channels = draw(st.lists(channel, min_size=1, max_size=16))
    words = " ".join(f"{c.metric} {bits(c.scale)} {bits(c.offset)}" for c in channels)
    message = messages.Stream(number, rate / 1000, tuple(channels), size)
    return f"{number} {size} {rate} {words}", message


@st.composite
def samples(draw: st.DrawFn) -> tuple[str, messages.Message]:
    number, index, n_channels = draw(U8), draw(U32), draw(st.integers(1, 3))
    size = draw(st.sampled_from([2, 4]))
    dtype = np.int16 if size == 2 else np.int32
    count = draw(st.integers(1, messages.samples_per_frame(n_channels, size)))
    most = (1 << (8 * size - 1)) - 1
    seed = draw(U32)
    counts = np.random.default_rng(seed).integers(
        -most - 1, most, (count, n_channels), dtype, endpoint=True
    )
    words = f"{number} {index} {count} {n_channels * size} {counts.tobytes().hex()}"
    return words, messages.Samples(number, index, counts)


@st.composite
def numerics(draw: st.DrawFn) -> tuple[str, messages.Message]:
    value = st.builds(
        messages.Numeric, U16, FLOAT, st.none() | st.integers(0, 100), st.integers(0, 9)
    )
    values = draw(st.lists(value, min_size=1, max_size=28))
    values = [
        messages.Numeric(v.metric, None if v.reason else v.value, v.quality, v.reason)
        for v in values
    ]
    utc_ms = draw(st.none() | st.integers(0, codes.LAST_UTC_MS))
    grouped, stored = draw(st.booleans()), draw(st.booleans())
    flags = grouped + 2 * stored + 4 * (utc_ms is not None)
    words = " ".join(
        f"{v.metric} {255 if v.quality is None else v.quality} {v.reason} {bits(v.value or 0.0)}"
        for v in values
    )
    message = messages.Numerics(tuple(values), grouped, stored, utc_ms)
    return f"{flags} {utc_ms or 0} {words}", message


@st.composite
def small(draw: st.DrawFn) -> tuple[str, messages.Message]:
    match draw(st.integers(0, 2)):
        case 0:
            battery, faults = draw(st.none() | st.integers(0, 100)), draw(st.integers(0, 255))
            words = f"{255 if battery is None else battery} {faults}"
            return words, messages.Status(battery, codes.Fault(faults))
        case 1:
            severity, text = draw(st.integers(0, 2)), draw(TEXT)
            return f"{severity} {hex_or_dash(text.encode())}", messages.Text(text, severity)
        case _:
            command, sequence, result = draw(U8), draw(U8), draw(U8)
            return f"{command} {sequence} {result}", messages.Reply(command, sequence, result)


ANY = st.tuples(U8, U32, st.one_of(hellos(), streams(), samples(), numerics(), small()))


@settings(max_examples=10, deadline=None)
@given(st.lists(ANY, min_size=30, max_size=60))
def test_any_message_has_the_same_bytes(
    codec: Codec, cases: list[tuple[int, int, tuple[str, messages.Message]]]
) -> None:
    lines, expected = [], []
    for sequence, time_ms, (words, message) in cases:
        lines.append(f"{type(message).__name__.lower()} {sequence} {time_ms} {words}")
        expected.append(bytes(messages.frame(message, sequence, time_ms)).hex())
    for line, mine, theirs in zip(lines, expected, codec(lines), strict=True):
        assert theirs == mine, line


def test_c_reads_the_golden_commands(codec: Codec) -> None:
    decoder = FrameDecoder()
    expected = []
    stream = b"\xa5\x5a\x07" + b"".join(vector.data for vector in read_vectors(GOLDEN))
    for frame in decoder.feed(stream):
        if isinstance(frame, Frame) and frame.type >= 0x80:
            expected.append(f"{frame.type} {frame.sequence} {frame.payload.hex()}")
    assert len(expected) == 6
    assert codec([f"receive {stream.hex()}"]) == [*expected, "."]


COMMANDS = st.one_of(
    st.just(messages.identify()),
    st.builds(messages.start, U8),
    st.builds(messages.stop, U8),
    st.builds(messages.set_time, st.integers(0, codes.LAST_UTC_MS)),
    st.builds(messages.set_rate, U8, st.integers(1, 4000).map(float)),
    st.builds(messages.measure, st.sampled_from(sorted(codes.METRIC_CODES))),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(COMMANDS, U32, st.binary(max_size=30)), min_size=1, max_size=20))
def test_c_finds_commands_between_garbage(
    codec: Codec, cases: list[tuple[messages.Command, int, bytes]]
) -> None:
    """Garbage without the first sync byte cannot swallow a command."""
    stream, expected = b"", []
    for sequence, (command, time_ms, garbage) in enumerate(cases):
        stream += bytes(messages.frame(command, sequence, time_ms)) + garbage.replace(b"\xa5", b"")
        expected.append(f"{int(command.type)} {sequence} {bytes(command).hex()}")
    assert codec([f"receive {stream.hex()}"]) == [*expected, "."]
