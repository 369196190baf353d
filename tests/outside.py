"""Packages of the walk-throughs: the files that a README prints, installed from outside."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


def write_package(readme: Path, below: str, names: Iterable[str], folder: Path) -> None:
    """Write the files that ``readme`` prints under ``below`` into ``folder``."""
    text = readme.read_text(encoding="utf-8")
    for name in names:
        heading = re.escape(f"{below}{name}")
        match = re.search(rf"`{heading}`:\n\n```\w+\n(.*?)```", text, re.DOTALL)
        assert match is not None, name
        (folder / name).write_text(match[1], encoding="utf-8")


def install(package: Path, target: Path) -> None:
    """Install a package into a folder of its own, without the network."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*command, str(package)], check=True, timeout=100)
