"""Compiled kernels: kept by their sources, callees included; a start never runs stale code."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import teleward_signal

CALLEE = "from teleward_signal.compiled.cache import inner\n@inner\ndef twice(x): return {} * x\n"
CALLER = (
    "from teleward_signal.callee import twice\n"
    "from teleward_signal.compiled.cache import constant, kernel\n"
    "TWO = constant(2)\n"
    "@kernel\n"
    "def answer(x): return twice(x) + twice(TWO)\n"
)
ASK = (
    "from teleward_signal.caller import answer\n"
    "print(answer(3), sum(answer.stats.cache_hits.values()))"
)


class Copy:
    """A copy of the package with a kernel in one file that calls a function of another."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.package = folder / "source" / "teleward_signal"
        shutil.copytree(
            Path(teleward_signal.__file__).parent,
            self.package,
            ignore=shutil.ignore_patterns("__pycache__", "weights"),
        )
        (self.package / "caller.py").write_text(CALLER)
        self.multiply_by(2)

    def multiply_by(self, factor: int) -> None:
        (self.package / "callee.py").write_text(CALLEE.format(factor))

    def ask(self, code: str = ASK, **options: object) -> list[str]:
        """Return the words that a process of its own prints."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.package.parent),
            "NUMBA_CACHE_DIR": str(self.cache),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment, check=True, capture_output=True, text=True, **options,
        )  # type: ignore[call-overload]  # fmt: skip
        return str(done.stdout).split()

    def folders(self) -> set[str]:
        return {path.name for path in self.cache.iterdir()}


def test_a_changed_callee_is_compiled_anew_and_older_folders_stay(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    assert copy.ask() == ["10", "0"]
    assert copy.ask() == ["10", "1"]
    (first,) = copy.folders()
    copy.multiply_by(3)
    assert copy.ask() == ["15", "0"]
    copy.multiply_by(2)
    assert copy.ask() == ["10", "1"]
    assert first in copy.folders()
    assert len(copy.folders()) == 2


def test_a_kernel_of_another_package_follows_the_sources_here(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    outside = copy.package.parent / "outside"
    outside.mkdir()
    (outside / "__init__.py").touch()
    (outside / "caller.py").write_text(CALLER)
    ask = ASK.replace("teleward_signal.caller", "outside.caller")
    assert copy.ask(ask) == ["10", "0"]
    assert copy.ask(ask) == ["10", "1"]
    copy.multiply_by(3)
    assert copy.ask(ask) == ["15", "0"]


def test_a_full_disk_costs_the_cache_and_nothing_else(tmp_path: Path) -> None:
    copy = Copy(tmp_path)

    def no_file_may_grow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    assert copy.ask("import signal\nsignal.signal(25, signal.SIG_IGN)\n" + ASK,
                    preexec_fn=no_file_may_grow) == ["10", "0"]  # fmt: skip
    assert copy.ask() == ["10", "0"]


def test_processes_that_start_together_leave_a_whole_cache(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(copy.package.parent)}
    environment["NUMBA_CACHE_DIR"] = str(copy.cache)
    code = (
        "import sys\nfrom teleward_signal.caller import answer\nsys.stdin.read()\nprint(answer(3))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in started:
        assert process.stdin
        process.stdin.close()
    said = []
    for process in started:
        assert process.stdout
        said.append(process.stdout.read().strip())
        process.stdout.close()
        assert process.wait() == 0
    assert said == ["10", "10", "10", "10"]
    assert copy.ask() == ["10", "1"]


def test_a_constant_makes_no_compilation_of_its_own(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    assert copy.ask(ASK + "\nfrom teleward_signal.callee import twice\nprint(len(twice.overloads))"
                    ) == ["10", "0", "1"]  # fmt: skip


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    copy.cache.write_text("no folder")  # what is asked for cannot be had
    temporary = tmp_path / "tmp"
    lent = temporary / f"teleward-kernels-{os.getuid()}"
    lent.mkdir(parents=True)
    where = (
        f"import tempfile; tempfile.tempdir = {str(temporary)!r}\n"
        "from teleward_signal.compiled.cache import FOLDER\nprint(FOLDER)"
    )
    lent.chmod(0o700)
    assert copy.ask(where) == [str(lent)]
    lent.chmod(0o777)
    (other,) = copy.ask(where)
    assert Path(other).parent == temporary
    assert Path(other) != lent
    assert Path(other).stat().st_mode & 0o077 == 0


def test_a_disk_that_fills_while_kernels_are_compiled_ends_no_start(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    code = (
        "import resource, signal\n"
        "from teleward_signal.caller import answer\n"
        "from teleward_signal.engine.warm import kept\n"
        "signal.signal(25, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "print(kept(lambda: answer(3)), answer(3))"
    )
    assert copy.ask(code) == ["False", "10"]
    assert copy.ask() == ["10", "0"]
