"""Compressed messages: golden files that are read for as long as there are any, hostile frames."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.compression import (
    MAGIC,
    MOST_BYTES,
    Compression,
    CompressionError,
    compress,
    decompress,
)
from teleward_cloud.mqtt.payload import PayloadError, decode
from teleward_signal.record import Record, RecordKind

Make = Callable[..., Record]
GOLDEN = Path(__file__).parents[2] / "golden" / "mqtt"


def ward(record: Make) -> list[Record]:
    """One second of everything."""
    found = [
        record(7, part, subject=f"bed-{part // 3}", device=f"ox-{part}", metric=metric)
        for part, metric in enumerate(("spo2", "pulse_rate", "heart_rate") * 4)
    ]
    alarm = {"condition": "spo2_low", "priority": "high", "presence": "on", "subject": "odd"}
    found.append(record(8, kind=RecordKind.ALARM, payload=alarm))
    found.append(record(9, kind=RecordKind.DEVICE, metric=None, payload={"battery_percent": 80.0}))
    found.append(record(10, kind=RecordKind.CLOCK, subject=None, device=None, metric=None,
                        payload={"shift_ns": 5}))  # fmt: skip
    wave = {"fs": 125.0, "dtype": "<i2", "scale": 0.1, "offset": 0.0, "index": 0}
    found.append(record(11, kind=RecordKind.WAVEFORM, metric="pleth", payload=wave,
                        samples=bytes(range(250))))  # fmt: skip
    return found


@pytest.mark.parametrize("name", ["v1.json", "v1-old.json", "v2.json", "v2-old.json", "v2-old.zst"])
def test_golden_messages_are_read(record: Make, name: str) -> None:
    found = decode((GOLDEN / name).read_bytes())
    expected = ward(record)
    if name.startswith("v1"):
        assert found == [replaced for replaced in expected if replaced.subject == "bed-0"][:3]
    else:
        assert found == expected


def test_today_writes_what_the_golden_files_hold(record: Make) -> None:
    second = ward(record)
    assert payload.encode(second[:3], live=True) == (GOLDEN / "v1.json").read_bytes()
    bundle = payload.encode(second, live=True, version=payload.BUNDLE_VERSION)
    assert bundle == (GOLDEN / "v2.json").read_bytes()
    assert decompress((GOLDEN / "v2-old.zst").read_bytes()) == (GOLDEN / "v2-old.json").read_bytes()


def test_a_second_of_a_ward_shrinks_to_a_tenth(record: Make) -> None:
    second = [found for found in ward(record) if found.kind is not RecordKind.WAVEFORM]
    plain = payload.encode(second, live=True, version=payload.BUNDLE_VERSION)
    packed = compress(plain, Compression.ZSTD)
    assert packed.startswith(MAGIC)
    assert len(packed) < len(plain) / 6
    assert decode(packed) == second


@given(st.binary(max_size=3000))
def test_round_trip(content: bytes) -> None:
    assert decompress(compress(content, Compression.ZSTD)) == content
    if not content.startswith(MAGIC):
        assert compress(content, Compression.NONE) == content == decompress(content)


def hostile() -> dict[str, bytes]:
    good = compress(b'{"teleward": 2}' * 50, Compression.ZSTD)
    samples: list[bytes | bytearray | memoryview[int]] = [
        json.dumps({"n": n, "text": "abc" * n}).encode() for n in range(400)
    ]
    stranger = zstandard.train_dictionary(2000, samples, dict_id=999_999)
    without_size = zstandard.ZstdCompressor(write_content_size=False)
    return {
        "cut off": good[:-5],
        "cut in its header": good[:6],
        "nothing but its sign": MAGIC,
        "bit flipped": good[:-3] + bytes([good[-3] ^ 1]) + good[-2:],
        "bomb": zstandard.compress(bytes(MOST_BYTES + 1)),
        "size that is a lie": zstandard.compress(bytes(1000)).replace(b"\xe8\x02", b"\xff\xff"),
        "no size": without_size.compress(b"x" * 1000),
        "unknown dictionary": zstandard.ZstdCompressor(dict_data=stranger).compress(b"a" * 99),
        "rest behind it": good + b"rest",
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_frames_are_refused(name: str) -> None:
    message = hostile()[name]
    with pytest.raises(PayloadError):
        decode(message)


def test_an_unknown_dictionary_is_named() -> None:
    with pytest.raises(CompressionError, match="dictionary 999999 is not known: update Teleward"):
        decompress(hostile()["unknown dictionary"])


def test_a_bomb_is_refused_before_it_grows() -> None:
    with pytest.raises(CompressionError, match="are the most"):
        decompress(hostile()["bomb"])
