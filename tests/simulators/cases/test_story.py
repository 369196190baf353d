"""The case of the documentation that is played wrongly ends as the page states."""

from pathlib import Path

import pytest

from teleward_simulators.cases.story import main


def test_wrong_care_kills_sooner_than_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    ends = [line for line in printed.splitlines() if not line.startswith(" ")]
    assert ends == ["untreated: died", "wrong: died", "right: survived"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "ecg-after.svg", "ecg-before.svg", "signs.svg",
    ]  # fmt: skip
    lost = [line.split()[0] for line in printed.splitlines() if "cannot feel a pulse" in line]
    assert [int(time.split(":")[0]) for time in lost] == [52, 16]
