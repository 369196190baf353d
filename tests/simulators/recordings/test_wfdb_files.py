"""The reader of WFDB files against known bytes and damaged headers."""

from pathlib import Path

import numpy as np
import pytest

from teleward_signal.errors import Invalid
from teleward_simulators.recordings.wfdb_files import read_annotations, read_record


def test_format_212_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(bytes([0xE3, 0x33, 0xF3, 0xFF, 0x8F, 0x01]))
    (tmp_path / "a.hea").write_text(
        "a 2 360 2\n# two leads\na.dat 212 200 11 1024 0 0 0 MLII\na.dat 212 100/uV 11 0 0 0 0 V5\n"
    )
    record = read_record(tmp_path / "a.hea")
    assert record.signals[0, 0] == pytest.approx((0x3E3 - 1024) / 200)
    assert record.signals[0, 1] == pytest.approx(0x3F3 / 100)
    assert record.signals[1, 0] == pytest.approx((-1 - 1024) / 200)
    assert record.signals[1, 1] == pytest.approx(-2047 / 100)
    assert record.units == ("mV", "uV")
    assert record.channels == ("MLII", "V5")
    assert record.comments == ("two leads",)


def test_long_skips_in_annotations_are_followed(tmp_path: Path) -> None:
    words = [59 << 10, 1, 5, 1 << 10 | 3, 0]  # skip 65541, then a normal beat 3 later
    (tmp_path / "a.atr").write_bytes(np.array(words, "<u2").tobytes())
    notes = read_annotations(tmp_path / "a.atr")
    assert list(notes.samples) == [65544]
    assert list(notes.symbols) == ["N"]


def test_each_file_has_its_own_channels(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(np.array([1, 2, 3, 4], "<i2").tobytes())
    (tmp_path / "b.dat").write_bytes(bytes([129, 130]))
    (tmp_path / "a.hea").write_text("a 3 100\na.dat 16 1\nb.dat 80 1\na.dat 16 1\n")
    assert read_record(tmp_path / "a.hea").signals.tolist() == [[1, 1, 2], [3, 2, 4]]


@pytest.mark.parametrize(
    "header, reason",
    [
        ("", "first line must be NAME SIGNALS FREQUENCY"),
        ("a 2 360\na.dat 16\n", "2 lines of FILE FORMAT"),
        ("a 1 360\na.dat 310\n", "format 310 cannot be read; 16, 24, 32, 61, 80 and 212 can"),
        ("a 2 360\na.dat 16\na.dat 80\n", "a.dat mixes the formats 16, 80"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(tmp_path: Path, header: str, reason: str) -> None:
    (tmp_path / "a.dat").write_bytes(bytes(4))
    (tmp_path / "a.hea").write_text(header)
    with pytest.raises(Invalid, match=reason):
        read_record(tmp_path / "a.hea")
