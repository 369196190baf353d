"""The framed protocol: golden bytes, both directions, recovery, and the driver's conversation."""

from pathlib import Path

import numpy as np
import pytest

from teleward_drivers import framed_codes as codes
from teleward_drivers import framed_messages as messages
from teleward_drivers.ble import framed_uart
from teleward_drivers.device import Discarded, Subscribe, Write
from teleward_drivers.framed import Frame, FrameDecoder, FrameType, probe
from teleward_drivers.testing import START_NS, read_vectors, receive
from teleward_drivers.wired import framed_serial
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

GOLDEN = Path(__file__).parent.parent / "golden" / "framed.hex"
ECG = messages.Stream(0, 250, (messages.Channel(65, float(np.float32(0.0025))),))
PPG = messages.Stream(
    1, 62.5, (messages.Channel(70, 1.0), messages.Channel(71, 0.5, -100.0)), sample_size=4
)


def golden(meaning: str) -> bytes:
    """Return the one vector that starts with ``meaning``."""
    (data,) = [v.data for v in read_vectors(GOLDEN) if v.meaning.startswith(meaning)]
    return data


def values(numbers: list[list[int]], size: type) -> np.ndarray:
    return np.array(numbers, size)


EXPECTED: list[tuple[str, int, int, messages.Message]] = [
    ("HELLO", 0, 1500, messages.Hello(1, 3, "Teleward", "ecg-patch", "0001", "1.0")),
    ("STREAM seq 1", 1, 1501, ECG),
    ("STREAM seq 2", 2, 1502, PPG),
    ("STATUS seq 4", 4, 2000, messages.Status(87)),
    ("STATUS seq 5", 5, 2000, messages.Status(None, codes.Fault(0x81))),
    (
        "NUMERICS seq 6",
        6,
        2100,
        messages.Numerics(
            (messages.Numeric(1, 72.0, 95), messages.Numeric(3, None, None, 2)),
        ),
    ),
    (
        "NUMERICS seq 7",
        7,
        2200,
        messages.Numerics(
            tuple(messages.Numeric(m, v) for m, v in ((7, 120.0), (8, 79.0), (9, 93.0))),
            grouped=True,
            stored=True,
            utc_ms=1_700_000_000_000,
        ),
    ),
    ("TEXT", 8, 2300, messages.Text("battery low: 5 °C", 1)),
    ("REPLY seq 9", 9, 2400, messages.Reply(0x82, 200)),
    ("REPLY seq 10", 10, 2401, messages.Reply(0x85, 201, 2)),
    ("IDENTIFY", 0, 0, messages.identify()),
    ("START", 1, 0, messages.start()),
    ("STOP", 2, 0, messages.stop(0)),
    ("SET_TIME", 3, 0, messages.set_time(1_700_000_000_000)),
    ("SET_RATE", 4, 0, messages.set_rate(0, 250)),
    ("MEASURE", 5, 0, messages.measure("nibp_systolic")),
]


@pytest.mark.parametrize("meaning, sequence, time_ms, message", EXPECTED)
def test_golden_bytes_of_every_message(
    meaning: str, sequence: int, time_ms: int, message: messages.Message
) -> None:
    data = golden(meaning)
    assert bytes(messages.frame(message, sequence, time_ms)) == data
    (frame,) = FrameDecoder().feed(data)
    assert isinstance(frame, Frame)
    assert (frame.type, frame.sequence, frame.time_ms) == (message.type, sequence, time_ms)
    if not isinstance(message, messages.Samples | messages.Command):
        assert type(message).from_bytes(frame.payload) == message


@pytest.mark.parametrize(
    "meaning, stream, index, counts",
    [
        ("SAMPLES seq 3", ECG, 1000, values([[0], [-1], [400], [-32768], [32767]], np.int16)),
        (
            "SAMPLES seq 255",
            PPG,
            0xFFFFFFFF,
            values([[100000, -100000], [2**31 - 1, -(2**31)]], np.int32),
        ),
    ],
)
def test_golden_bytes_of_samples(
    meaning: str, stream: messages.Stream, index: int, counts: np.ndarray
) -> None:
    (frame,) = FrameDecoder().feed(golden(meaning))
    assert isinstance(frame, Frame)
    samples = messages.Samples.from_bytes(frame.payload, stream)
    assert (samples.stream, samples.index) == (stream.stream, index)
    np.testing.assert_array_equal(samples.samples, counts)
    again = messages.Samples(stream.stream, index, counts)
    assert bytes(messages.frame(again, frame.sequence, frame.time_ms)) == golden(meaning)


def test_every_type_has_its_lengths_and_every_metric_its_own_code() -> None:
    assert set(FrameType) == set(messages.frame(m, 0, 0).type for _, _, _, m in EXPECTED) | {
        FrameType.SAMPLES
    }
    assert len(codes.METRIC_NAMES) == len(codes.METRIC_CODES)


def test_the_document_lists_the_codes_and_lengths_of_the_code() -> None:
    text = (GOLDEN.parents[2] / "drivers" / "PROTOCOL.md").read_text()
    for name, code in codes.METRIC_CODES.items():
        assert f"| {code} | {name} |" in text
    for kind in FrameType:
        assert f"{kind:02X} {kind.name} " in text


def session(capture: bytes) -> list[object]:
    driver = framed_serial.make()
    list(driver.start(START_NS))
    return [out for byte in capture for out in receive(driver, bytes([byte]))]


def test_a_driver_turns_frames_into_blocks_readings_and_status() -> None:
    names = ["HELLO", "STREAM seq 1", "STREAM seq 2", "SAMPLES seq 3", "STATUS seq 4"]
    names += ["NUMERICS seq 6", "NUMERICS seq 7"]
    outputs = session(b"boot text\r\n" + b"".join(map(golden, names)))
    assert sum(out.n_bytes for out in outputs if isinstance(out, Discarded)) == 11
    (block,) = [out for out in outputs if isinstance(out, SampleBlock)]
    assert (block.metric, block.fs, block.index) == ("ecg_ii", 250, 1000)
    assert block.device_time_ns == 1_600_000_000
    np.testing.assert_allclose(block.physical(), [0, -0.0025, 1, -81.92, 81.9175], rtol=1e-5)
    readings = {out.metric: out for out in outputs if isinstance(out, Measurement)}
    assert readings["heart_rate"].value == 72
    assert readings["heart_rate"].quality == 0.95
    assert (readings["spo2"].value, readings["spo2"].reason) == (None, "probe_off")
    cuff = readings["nibp_systolic"]
    assert (cuff.value, cuff.stored, cuff.device_time_ns) == (120, True, START_NS)
    assert cuff.group == readings["nibp_mean"].group is not None
    statuses = [out for out in outputs if isinstance(out, DeviceStatus)]
    assert statuses[0].identity["model"] == "ecg-patch"
    assert statuses[-1].battery_percent == 87


def test_samples_before_their_description_are_counted_and_asked_for() -> None:
    driver = framed_serial.make()
    list(driver.start(START_NS))
    later = START_NS + 10_000_000_000
    outputs = receive(driver, golden("SAMPLES seq 3"), time_ns=later)
    assert Discarded(len(golden("SAMPLES seq 3")), "undescribed_stream") in outputs
    (ask,) = [out for out in outputs if isinstance(out, Write)]
    assert ask.data[3] == FrameType.IDENTIFY


def test_a_lost_frame_and_a_duplicate_are_seen() -> None:
    decoder = FrameDecoder()
    decoder.feed(golden("STREAM seq 1") + golden("STREAM seq 1"))
    assert (decoder.counters.frames, decoder.counters.gaps) == (1, 0)
    decoder.feed(golden("STATUS seq 4"))
    assert (decoder.counters.gaps, decoder.counters.lost) == (1, 2)


def test_index_goes_on_beyond_32_bits_and_back_to_zero_after_a_restart() -> None:
    driver = framed_serial.make()
    indices = []
    for sequence, raw in enumerate((0xFFFFFFFF, 1, 0)):
        stream = bytes(messages.frame(ECG, 2 * sequence, 0))
        samples = messages.Samples(0, raw, values([[1], [2]], np.int16))
        data = stream + bytes(messages.frame(samples, 2 * sequence + 1, sequence))
        indices += [o.index for o in receive(driver, data) if isinstance(o, SampleBlock)]
    assert indices == [0xFFFFFFFF, 0x100000001, 0x100000000]
    fresh = messages.Samples(0, 7, values([[1]], np.int16))
    restarted = framed_serial.make()
    receive(restarted, bytes(messages.frame(ECG, 0, 0)))
    for sequence, raw in enumerate((5000, 7), 1):
        piece = messages.Samples(0, raw, fresh.samples)
        out = receive(restarted, bytes(messages.frame(piece, sequence, 0)))
    assert [o.index for o in out if isinstance(o, SampleBlock)] == [7]


def test_start_greets_and_sets_the_clock_and_silence_starts_again() -> None:
    driver = framed_uart.make()
    outputs = list(driver.start(START_NS))
    assert outputs[0] == Subscribe(framed_uart.TX)
    writes = [out for out in outputs if isinstance(out, Write)]
    assert [w.data[3] for w in writes] == [0x81, 0x84, 0x82]
    assert all(w.channel == framed_uart.RX and len(w.data) <= 20 for w in writes)
    assert int.from_bytes(writes[1].data[9:17], "little") == START_NS // 1_000_000
    assert not list(driver.tick(START_NS + 1_000_000_000))
    again = [o for o in driver.tick(START_NS + 6_000_000_000) if isinstance(o, Write)]
    assert [w.data[3] for w in again] == [0x81, 0x82]


def test_commands_and_an_unknown_one() -> None:
    driver = framed_serial.make()
    (write,) = driver.command("set_rate", stream=0, fs=250)
    assert isinstance(write, Write)
    assert write.data[9:14] == golden("SET_RATE")[9:14]
    with pytest.raises(ValueError, match="no command 'dance'"):
        driver.command("dance")


def test_an_impossible_length_is_refused_before_its_bytes_arrive() -> None:
    header = bytearray(golden("STATUS seq 4")[:4])
    header[2] = 200
    assert probe(header, 0) == "length"
