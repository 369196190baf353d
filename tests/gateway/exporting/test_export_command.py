"""``teleward export``: the journal's file to files, and what stands in the way."""

import csv
import errno
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.__main__ import main
from teleward_gateway.exporting import target
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records

Fill = Any


def two_minutes() -> tuple[Records, Records]:
    first, second = Records(), Records()
    first.wave("ecg_ii", range(500), 250.0)
    first.value(BEGIN_NS, "spo2", 0.0)
    first.value(BEGIN_NS + NS, "spo2", None, reason="motion")
    first.beat(BEGIN_NS + NS // 2)
    later_ns = BEGIN_NS + 120 * NS
    second.value(later_ns, "spo2", 96.5)
    second.value(BEGIN_NS - NS, "glucose", 101.0, stored=True)  # from a memory: earlier than all
    return first, second


def command(settings: Path, out: Path, *more: str, form: str = "csv") -> int:
    return main(
        ["export", "--config", str(settings), "--subject", "bed-1", "--format", form,
         "--out", str(out), "--quiet", *more]
    )  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_hold_every_record_in_order_of_time(filled: Fill, tmp_path: Path) -> None:
    settings = filled(*two_minutes())
    assert command(settings, tmp_path / "a") == 0
    found = rows(tmp_path / "a" / "measurements.csv")
    assert [(row["metric"], row["value"], row["reason"]) for row in found] == [
        ("glucose", "101.0", ""), ("spo2", "0.0", ""), ("spo2", "", "motion"), ("spo2", "96.5", ""),
    ]  # fmt: skip
    waves = rows(tmp_path / "a" / "waveforms.csv")
    assert " ".join(row["samples"] for row in waves).split() == [str(k) for k in range(500)]
    manifest = json.loads((tmp_path / "a" / "export.json").read_text())
    assert manifest["records"] == {"annotation": 1, "measurement": 4, "waveform": len(waves)}
    assert manifest["provenance"] == "simulated"
    # again, and as a zip: the same bytes
    assert command(settings, tmp_path / "b") == 0
    for path in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()
    assert command(settings, tmp_path / "c.zip") == command(settings, tmp_path / "d.zip") == 0
    assert (tmp_path / "c.zip").read_bytes() == (tmp_path / "d.zip").read_bytes()


def test_two_ranges_share_nothing_and_miss_nothing(filled: Fill, tmp_path: Path) -> None:
    settings = filled(*two_minutes())
    middle = "2026-03-01T08:00:01.25Z"
    assert command(settings, tmp_path / "a", "--to", middle) == 0
    assert command(settings, tmp_path / "b", "--from", middle) == 0
    counts = [len(rows(tmp_path / name / "measurements.csv")) for name in "ab"]
    assert counts == [2, 2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--subject", "nobody"], "there are: bed-1, bed-2, sim-02"),
        (["--subject", "bed-2"], "no records of bed-2"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "the range is empty"),
        (["--from", "2031-01-01"], "records are kept from"),
        (["--from", "yesterday"], "'yesterday' is no time"),
        (["--config", "missing.toml"], "missing.toml"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    filled: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    settings = filled(*two_minutes())
    assert command(settings, tmp_path / "a", *more) == 1
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "a").exists()
    assert not list(tmp_path.glob(".*"))


def test_an_existing_place_is_left_alone(
    filled: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = filled(*two_minutes())
    (tmp_path / "a").mkdir()
    assert command(settings, tmp_path / "a") == 1
    assert "exists: choose another --out" in capsys.readouterr().err
    assert list((tmp_path / "a").iterdir()) == []


def test_a_full_disk_leaves_nothing(
    filled: Fill,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = filled(*two_minutes())

    def full(self: target.Target, parts: Any) -> None:
        list(parts)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(target.Target, "write", full)
    assert command(settings, tmp_path / "a") == 4
    assert "the disk is full" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "teleward.toml"]


def test_what_a_killed_export_left_is_replaced(filled: Fill, tmp_path: Path) -> None:
    settings = filled(*two_minutes())
    left = tmp_path / ".a.partial"
    left.mkdir()
    (left / "half.csv").write_text("x")
    assert command(settings, tmp_path / "a") == 0
    assert not left.exists()
    assert not (tmp_path / "a" / "half.csv").exists()


def test_damaged_rows_are_a_gap_that_is_counted(
    filled: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = filled(*two_minutes())
    path = tmp_path / "data" / "simulated" / "simulated.sqlite3"
    with sqlite3.connect(path) as database:
        seq, count, blob = database.execute(
            "SELECT seq, count, data FROM light ORDER BY seq LIMIT 1"
        ).fetchone()
        bad = bytearray(blob)
        bad[-3] ^= 0xFF
        database.execute("UPDATE light SET data = ? WHERE seq = ?", (bytes(bad), seq))
    database.close()
    assert command(settings, tmp_path / "a") == 3
    assert "1 damaged rows" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "a" / "export.json").read_text())
    assert manifest["damaged"]["rows"] == 1
    assert manifest["damaged"]["records_of_all_subjects"] == count
    values = manifest["records"].get("measurement", 0) + manifest["records"].get("annotation", 0)
    assert values == 5 - count
