"""The release before opens what this one wrote, and the reverse: an update can be taken back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("gateway", "drivers", "signal", "cloud")
FILES = Path(__file__).with_name("files.py")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the release before, from the history."""
    *_, commit = (ROOT / "packaging/previous-release").read_text().split()
    known = subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT)
    if known.returncode:
        pytest.skip("these sources come without their history")
    folder = tmp_path_factory.mktemp("previous")
    command = f"git archive {commit} {' '.join(FOLDERS)} | tar -x -C {folder}"
    subprocess.run(command, shell=True, cwd=ROOT, check=True)
    return folder


def run(sources: Path, *words: str) -> Any:
    """Run `files.py` with the modules of ``sources``."""
    path = os.pathsep.join(str(sources / folder) for folder in FOLDERS)
    done = subprocess.run(
        [sys.executable, str(FILES), *words],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("sources") == str(sources)
    return found


def test_each_opens_what_the_other_wrote(previous: Path, tmp_path: Path) -> None:
    folder = str(tmp_path)
    first = run(ROOT, "write", folder, "anna")
    assert (first["records"], first["subjects"]) == (50, ["anna"])
    before = run(previous, "read", folder)
    assert before == first
    back = run(previous, "write", folder, "ben")
    assert back["problem"] is None
    assert (back["records"], back["subjects"]) == (100, ["anna", "ben"])
    assert run(ROOT, "read", folder) == back
