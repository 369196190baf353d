"""The walls between packages and rooms: no import circles, and contracts that really refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def circles(*packages: str, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "circles"), *packages]
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment
    )


def test_the_tree_has_no_import_circle() -> None:
    found = circles()
    *rows, count = found.stdout.splitlines()
    assert rows == []
    assert count.endswith("headers: 0 circles"), found.stderr


def test_a_circle_is_printed_also_below_type_checking(tmp_path: Path) -> None:
    package = tmp_path / "ring"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from ring import b\n")
    (package / "b.py").write_text("def late() -> None:\n    from ring import c\n")
    (package / "c.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ring import a\n"
    )
    found = circles("ring", path=tmp_path)
    assert found.returncode == 1
    first, second, third, again = found.stdout.splitlines()[0].split(" -> ")
    assert {first, second, third} == {"ring.a", "ring.b", "ring.c"}
    assert again == first
    assert chr(ord(first[-1]) + 1) == second[-1] or (first, second) == ("ring.c", "ring.a")


FORBIDDEN = {
    "signal/teleward_signal/ecg/planted.py": ("import pathlib", "knows the disk"),
    "gateway/teleward_gateway/clock/planted.py": (
        "from teleward_gateway import app",
        "from its assembly down to its clock",
    ),
    "gateway/teleward_gateway/sessions/planted.py": (
        "from teleward_simulators import fleet",
        "never reach classroom, simulators",
    ),
    "gateway/teleward_gateway/classroom/planted.py": (
        "from teleward_gateway import sessions",
        "classroom never reaches",
    ),
    "cloud/teleward_cloud/influx/planted.py": (
        "from teleward_cloud import mqtt",
        "Sinks do not know each other",
    ),
    "drivers/teleward_drivers/planted.py": ("import teleward_cloud", "Drivers and cloud"),
    "signal/teleward_signal/banks/planted.py": (
        "from teleward_signal import engine",
        "Rooms have no circles",
    ),
}
"""A module for each wall that must not pass it: file, its import, the contract it breaks."""


def test_contracts_that_are_violated_on_purpose_fail(tmp_path: Path) -> None:
    for folder in ("gateway", "drivers", "signal", "cloud", "simulators"):
        package = f"{folder}/teleward_{folder}"
        copied = shutil.ignore_patterns("__pycache__", "dashboard", "weights")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=copied)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, (line, _) in FORBIDDEN.items():
        (tmp_path / name).write_text(f'"""Planted."""\n\n{line}\n')
    folders = [str(tmp_path / p) for p in ("gateway", "drivers", "signal", "cloud", "simulators")]
    code = "from importlinter.cli import lint_imports_command as c; c()"

    def lint() -> tuple[int, list[str]]:
        ran = subprocess.run(
            [sys.executable, "-c", code, "--no-cache"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), "COLUMNS": "300"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Contracts:" in ran.stdout, ran.stdout + ran.stderr
        return ran.returncode, [line for line in ran.stdout.splitlines() if "BROKEN" in line]

    code_violated, broken = lint()
    assert code_violated == 1
    for name, (_, contract) in FORBIDDEN.items():
        assert any(contract in line for line in broken), (name, broken)
        (tmp_path / name).unlink()
    assert lint() == (0, [])
