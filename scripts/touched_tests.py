"""Touched tests: print the test files that belong to what changed since a commit.

A source file belongs to the tests that mirror its folder, the test with its name first. Suites of
minutes or with servers (end_to_end, faults, browser, bluez, firmware) are left to `make test`,
as is whatever goes beyond `MOST` files.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "gateway/teleward_gateway": "tests/gateway",
    "drivers/teleward_drivers": "tests/drivers",
    "signal/teleward_signal": "tests/signals",
    "cloud/teleward_cloud": "tests/cloud",
    "simulators/teleward_simulators": "tests/simulators",
}
SLOW = ("end_to_end", "faults", "browser", "bluez", "firmware", "fuzz", "contract")
ALWAYS = ("tests/test_layout.py", "tests/test_words.py")
MOST = 6


def main() -> None:
    """Print one path a line."""
    base = sys.argv[1] if len(sys.argv) > 1 else "main"
    found = dict.fromkeys(name for name in ALWAYS if (ROOT / name).exists())
    for name in changed(base):
        found.update(dict.fromkeys(tests_of(name)))
    chosen = [name for name in found if not set(Path(name).parts) & set(SLOW)]
    left = chosen[MOST + len(ALWAYS) :]
    if left:
        print(f"left to `make test`: {' '.join(left)}", file=sys.stderr)
    print("\n".join(chosen[: MOST + len(ALWAYS)]))


def changed(base: str) -> list[str]:
    """Return the files that differ from ``base`` or are new; all paths from the root."""
    names: list[str] = []
    for command in (
        ["git", "diff", "--name-only", "--merge-base", base],
        ["git", "diff", "--name-only", "HEAD"],
        ["git", "ls-files", "--others", "--exclude-standard"],
    ):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        names += [name for name in run.stdout.splitlines() if name not in names]
    return names


def tests_of(name: str) -> list[str]:
    """Return the test files that belong to a file."""
    path = Path(name)
    if path.suffix != ".py":
        return []
    if path.parts[0] == "tests":
        return [name] if path.name.startswith("test_") and (ROOT / name).exists() else []
    package = "/".join(path.parts[:2])
    if package not in PACKAGES:
        return []
    folder = ROOT / PACKAGES[package] / Path(*path.parts[2:-1])
    exact = sorted(folder.glob(f"test_{path.stem}*.py"))
    nearby = sorted(folder.glob("test_*.py"))
    return [str(test.relative_to(ROOT)) for test in exact or nearby[:2]]


if __name__ == "__main__":
    main()
