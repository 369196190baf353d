"""The walk-through of drivers/README.md, done: a package of its own, installed, found and used."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "drivers" / "README.md"
FILES = ("pyproject.toml", "my_thermometer.py", "test_my_thermometer.py")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The three files of the walk-through, as the README prints them."""
    text = README.read_text(encoding="utf-8")
    for name in FILES:
        match = re.search(rf"`{re.escape(name)}`:\n\n```\w+\n(.*?)```", text, re.DOTALL)
        assert match is not None, name
        (tmp_path / name).write_text(match[1], encoding="utf-8")
    return tmp_path


@pytest.fixture
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package installed into a folder of its own, without the network."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*command, str(package)], check=True, timeout=100)
    return target


def run(site: Path, *words: str) -> str:
    """Run Python with the installed package beside ours."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *words],
        check=True,
        timeout=60,
        env=environment,
        cwd=site,
        capture_output=True,
        text=True,
    ).stdout


def test_the_installed_package_is_listed_and_its_own_test_passes(site: Path, package: Path) -> None:
    rows = json.loads(run(site, "-m", "teleward_gateway", "drivers", "list", "--json"))
    (mine,) = [row for row in rows if row["name"] == "my-thermometer"]
    assert mine["status"] == "simulator-only"
    test = str(package / "test_my_thermometer.py")
    assert "1 passed" in run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
