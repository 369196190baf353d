"""``teleward cases`` lists, checks and draws."""

import json
import math
import re
import struct
from pathlib import Path

import pytest

from teleward_gateway.__main__ import main
from teleward_gateway.commands.plot import Panel, write_plot


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cases", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 32
    assert {row["status"] for row in rows} == {"unreviewed"}
    assert all(row["name"] and row["title"]["hi"] for row in rows)


def test_a_broken_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.yaml").write_text("id: broken\ntitle: [", encoding="utf-8")
    assert main(["cases", "--folder", str(tmp_path), "list"]) == 1
    assert "broken.yaml:" in capsys.readouterr().err
    assert main(["cases", "check", "no-such-case"]) == 2


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_run_draws_the_course(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / f"course.{ending}"
    assert main(["cases", "run", "svt-01", "--treat", "--plot", str(picture)]) == 0
    shown = capsys.readouterr().out
    assert "unreviewed" in shown
    assert "adenosine 6 mg" in shown
    content = picture.read_bytes()
    if ending == "png":
        width, height = struct.unpack(">II", content[16:24])
        assert content.startswith(b"\x89PNG")
        assert (width, height) == (900, 30 + 7 * 110 + 30)
    else:
        assert content.count(b"<polyline") == 7


def test_a_heart_that_does_not_beat_has_no_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "course.svg"
    case = ["cases", "run", "anterior-stemi-arrest-01", "--minutes", "20"]
    assert main([*case, "--plot", str(picture)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    rates = {row[-1]: row[1] for row in rows if len(row) == 11 and row[0] != "min"}
    assert rates["vf"] == "--"
    assert float(rates["pvc"]) > 60
    heart, pressure, *_ = re.findall(r'points="([^"]*)', picture.read_text())
    assert len(heart.split()) == len(pressure.split()) // 2, "of twenty minutes ten have a rate"


def test_a_hole_is_not_bridged(tmp_path: Path) -> None:
    panel = Panel("HR", [0.0, 1, 2, 3, 4], [60.0, 62.0, math.nan, 80.0, 81.0])
    write_plot(tmp_path / "course.svg", "t", "min", [panel, Panel("RR", [0.0], [math.nan])])
    runs = re.findall(r'points="([^"]*)', (tmp_path / "course.svg").read_text())
    assert [len(run.split()) for run in runs] == [2, 2]
    write_plot(tmp_path / "course.png", "t", "min", [panel])


def test_other_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"use \.png or \.svg"):
        write_plot(tmp_path / "course.gif", "t", "min", [Panel("HR", [0.0, 1.0], [1.0, 2.0])])
