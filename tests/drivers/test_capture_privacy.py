"""A capture that is sent in holds no name, number or date of a person, and decodes as before."""

import json
from pathlib import Path

import pytest

from teleward_drivers.ble import blood_pressure, current_time, glucose
from teleward_drivers.capture_privacy import without_identity
from teleward_drivers.catalogue import driver
from teleward_drivers.fields import DateTime
from teleward_drivers.gatt import uuid16
from teleward_drivers.medfloat import MedFloat
from teleward_drivers.replay_link import Capture, Piece, load_capture
from teleward_gateway.__main__ import main
from teleward_signal.model import Measurement

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.jsonl"))
MASIMO = (
    b"\r\n03/17/24 19:19:36 SN=0000056661 SPO2=098% BPM=123 PI=00.55 ALARM=0000 EXC=000800\r\n"
    b"03/19/24 08:00:00 SN=0000056661 SPO2=097% BPM=120 PI=00.55 ALARM=0000 EXC=000800\r\n"
)


def played(capture: Capture) -> list[tuple[str, float | None]]:
    made = driver(capture.driver).make(capture.header.get("options", {}))
    outputs = [o for received in capture.received() for o in made.feed(received)]
    return [(o.metric, o.value) for o in outputs if isinstance(o, Measurement)]


def cuff(day: int) -> Piece:
    value = blood_pressure.BloodPressure(
        MedFloat.of(120), MedFloat.of(80), MedFloat.of(93), date_time=DateTime(2024, 3, day, 9, 5)
    )
    return Piece(1.0 + day, bytes(value) + b"\x07", blood_pressure.MEASUREMENT)


def test_names_numbers_and_dates_of_a_cuff_are_replaced() -> None:
    header = {
        "capture": 1, "driver": "blood-pressure", "started": "2024-03-17T09:05:00Z",
        "note": "Anna's cuff", "options": {"passkey": 123456, "utc_offset_minutes": 60},
    }  # fmt: skip
    now = bytes(current_time.CurrentTime(DateTime(2024, 3, 19, 9, 0)))
    pieces = (
        Piece(0.1, b"S/N 4711", uuid16(0x2A25)),
        Piece(0.2, b"Anna", uuid16(0x2A8A)),
        cuff(17),
        cuff(18),
        Piece(30.0, now, current_time.CURRENT_TIME, sent=True),
    )
    cleaned = without_identity(Capture(header, pieces))
    text = json.dumps([cleaned.capture.header, *(p.data.hex() for p in cleaned.capture.pieces)])
    assert "Anna" not in text
    assert b"4711".hex() not in text
    assert b"Anna".hex() not in text
    assert cleaned.capture.header == {
        "capture": 1, "driver": "blood-pressure", "options": {"utc_offset_minutes": 60}
    }  # fmt: skip
    moments = [
        blood_pressure.BloodPressure.from_bytes(piece.data).date_time
        for piece in cleaned.capture.pieces[2:4]
    ]
    assert moments == [DateTime(2020, 1, 1, 9, 5), DateTime(2020, 1, 2, 9, 5)]
    assert cleaned.capture.pieces[2].data.endswith(b"\x07")
    written = current_time.CurrentTime.from_bytes(cleaned.capture.pieces[4].data)
    assert written.date_time == DateTime(2020, 1, 3, 9, 0)
    assert played(cleaned.capture) == played(Capture({**header, "options": {}}, pieces))
    assert set(cleaned.replaced) == {
        "serial number", "first name", "dates", "option passkey", "header note", "header started"
    }  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 60, 1000])
def test_lines_are_cleaned_however_they_were_cut(size: int) -> None:
    cut = [MASIMO[at : at + size] for at in range(0, len(MASIMO), size)]
    pieces = tuple(Piece(float(i), data) for i, data in enumerate(cut))
    capture = Capture({"capture": 1, "driver": "masimo"}, pieces)
    cleaned = without_identity(capture).capture
    stream = b"".join(piece.data for piece in cleaned.pieces)
    assert b"56661" not in stream
    assert stream.count(b"01/01/20 19:19:36 SN=0000000000") == 1
    assert stream.count(b"01/03/20 08:00:00") == 1
    assert [len(piece.data) for piece in cleaned.pieces] == [len(piece.data) for piece in pieces]
    assert played(cleaned) == played(capture)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_every_capture_at_hand_decodes_as_before(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.jsonl"
    assert main(["share", str(path), "--out", str(out), "--note", "a test"]) == 0
    shared = load_capture(out)
    assert shared.header["note"] == "a test"
    assert played(shared) == played(load_capture(path))
    assert main(["share", str(path), "--out", str(out)]) == 2  # never over another file


def test_an_unset_clock_stays_unset() -> None:
    record = glucose.GlucoseMeasurement(1, DateTime(0, 0, 0), None, MedFloat(120, -5), type=1)
    pieces = (Piece(0.0, bytes(record), glucose.MEASUREMENT),)
    cleaned = without_identity(Capture({"capture": 1, "driver": "glucose"}, pieces))
    assert cleaned.capture.pieces == pieces
    assert "dates" not in cleaned.replaced
