"""``teleward import``: an export comes back as it was, and recordings of others as they are."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teleward_gateway.__main__ import main
from teleward_gateway.testing.export_kit import BEGIN_NS, NS, Records
from teleward_signal.record import RecordKind

from ..exporting.conftest import filled as filled

IDENTITY = ("subject", "gateway", "journal", "seq", "part")


def a_stay() -> Records:
    made = Records()
    random = np.random.default_rng(8)
    made.wave("ecg_ii", random.integers(-32768, 32768, 250 * 130 + 3).tolist(), 250.0, block=240)
    made.wave("respiration", random.integers(-99, 99, 63).tolist(), 62.5, block=13)
    made.wave("ecg_ii", [5], 250.0, begin_ns=BEGIN_NS + 3600 * NS, first=9)
    made.wave("ppg_red", [2**22, -7], 50.0, dtype="int32")
    made.value(BEGIN_NS, "spo2", 0.0, quality=0.5, group="a", detail={"n": 1}, stored=True)
    made.value(BEGIN_NS + NS, "heart_rate", None, reason="motion", author="-x")
    for k in range(9):
        made.beat(BEGIN_NS + round(0.8123 * k * NS), evidence={"rr_s": 0.8})
    made.beat(BEGIN_NS + NS, "+", "(AFIB", until_ns=BEGIN_NS + 2 * NS)
    made.beat(BEGIN_NS + NS, '"', "=cough", author="nurse")
    alarm = {"condition": "spo2_low", "kind": "physiological", "priority": "high",
             "presence": "on", "text": "SpO2 low", "value": 80.0}  # fmt: skip
    made.add(RecordKind.ALARM, BEGIN_NS + NS, "spo2", alarm)
    made.add(RecordKind.DEVICE, BEGIN_NS, None, {"faults": ["lead_off"]}, device="monitor-1")
    return made


def command(settings: Path, *words: str) -> int:
    return main([*words, "--config", str(settings), "--quiet"])


def content(path: Path) -> Any:
    """Return a file without identities."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {key: value for key, value in row.items() if key not in IDENTITY}
                for row in csv.DictReader(file)
            ]
    known = path.read_bytes().replace(b"imported", b"bed-1   ")
    return known[:8] + known[88:] if path.suffix in (".edf", ".bdf") else known


@pytest.mark.parametrize("form", ["csv", "edf", "wfdb"])
def test_an_export_comes_back_but_for_identities(filled: Any, tmp_path: Path, form: str) -> None:
    settings = filled(a_stay())
    first, second = tmp_path / "first", tmp_path / "second"
    export = ["export", "--format", form, "--out"]
    assert command(settings, *export, str(first), "--subject", "bed-1") == 0
    assert command(settings, "import", str(first), "--subject", "imported") == 0
    assert command(settings, *export, str(second), "--subject", "imported") == 0
    names = sorted(path.name for path in first.iterdir() if path.name != "export.json")
    assert names == sorted(path.name for path in second.iterdir() if path.name != "export.json")
    for name in names:
        one, other = content(first / name), content(second / name)
        if name.endswith(".hea"):
            one, other = (text.replace(b"bed-1   ", b"bed-1") for text in (one, other))
        assert one == other, name


def test_what_cannot_be_imported_is_one_sentence(
    filled: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = filled(a_stay())
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.edf").write_bytes(b"0" * 300)
    header = tmp_path / "undated.hea"
    header.write_text("undated 1 250 2\nundated.dat 16 200/mV\n")
    (tmp_path / "undated.dat").write_bytes(b"\1\0\2\0")
    for path, subject, message in (
        ("none", "new", "does not exist"),
        ("empty", "new", "nothing is imported"),
        ("bad.edf", "new", "is no EDF or BDF file"),
        ("undated.hea", "new", "give its begin with --at"),
        ("undated.hea", "Bad Name", "use 1 to 64 of a-z"),
    ):
        assert command(settings, "import", str(tmp_path / path), "--subject", subject) == 1
        printed = capsys.readouterr().err
        assert message in printed
        assert len(printed.splitlines()) == 1
    at = ["--at", "2026-03-01"]
    assert command(settings, "import", str(header), "--subject", "bed-1", *at) == 1
    assert "subject bed-1 exists" in capsys.readouterr().err
    assert command(settings, "import", str(header), "--subject", "new", *at) == 0
