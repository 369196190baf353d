"""Break named behaviours one by one and run the closest tests, which must fail.

The tree is copied as git knows it, so the working tree is never touched. Every row is run unbroken
first where its tests were not yet: a test that fails by itself proves nothing.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("gateway", "drivers", "signal", "cloud", "simulators")
LIMIT_S = 600.0
PASSED, FAILED = 0, 1
"""Exit codes of pytest; any other (no test found, an error at import) proves nothing."""


def copied(folder: Path) -> None:
    """Copy what git tracks of the working tree, as it is on the disk."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def tests(folder: Path, chosen: str) -> int:
    """Return the exit code of pytest over the ``chosen`` tests of the copy."""
    paths = os.pathsep.join(str(folder / name) for name in SOURCES)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    finished = subprocess.run(
        [*command, *shlex.split(chosen)], cwd=folder, env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT_S,
    )  # fmt: skip
    return finished.returncode


def broken(folder: Path, row: dict[str, str]) -> int:
    """Break one behaviour, run its tests, put it back; return pytest's exit code."""
    path = folder / row["file"]
    whole = path.read_text(encoding="utf-8")
    count = whole.count(row["text"])
    if count != 1:
        raise SystemExit(f"{row['file']} has {count} times {row['text']!r}: correct the table")
    path.write_text(whole.replace(row["text"], row["replacement"]), encoding="utf-8")
    try:
        return tests(folder, row["tests"])
    except subprocess.TimeoutExpired:
        return FAILED  # it hangs, which no suite would pass
    finally:
        path.write_text(whole, encoding="utf-8")


def main(words: list[str]) -> int:
    """Print a row for each behaviour; return 1 when one breaks unnoticed."""
    table = tomllib.loads(Path(__file__).with_name("table.toml").read_text(encoding="utf-8"))
    rows = [
        row for row in table["mutation"]
        if not words or any(word in row["behaviour"] for word in words)
    ]  # fmt: skip
    survived, sound = 0, dict[str, int]()
    with tempfile.TemporaryDirectory(prefix="teleward-mutations-") as name:
        folder = Path(name)
        copied(folder)
        for number, row in enumerate(rows, 1):
            began_s = time.monotonic()
            if row["tests"] not in sound:
                sound[row["tests"]] = tests(folder, row["tests"])
            code = broken(folder, row) if sound[row["tests"]] == PASSED else -1
            verdict = {FAILED: "caught", PASSED: "SURVIVED", -1: "TESTS FAIL UNBROKEN"}
            survived += code != FAILED
            print(
                f"{number:2d}/{len(rows)}  {verdict.get(code, f'PYTEST {code}'):9s} "
                f"{time.monotonic() - began_s:5.1f} s  {row['behaviour']}",
                flush=True,
            )
    print(f"{len(rows) - survived} of {len(rows)} caught")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
