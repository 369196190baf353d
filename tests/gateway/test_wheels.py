"""What the two wheels carry: a gateway comes without benchmarks, training and test kit."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_IN_A_GATEWAY = tuple(f"teleward_gateway/{each}/" for each in ("bench", "training", "testing"))


def contents(project: Path, folder: Path) -> set[str]:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=project, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheels_share_no_file_and_leave_none_out(tmp_path: Path) -> None:
    gateway = contents(ROOT, tmp_path / "gateway")
    bench = contents(ROOT / "packaging" / "bench", tmp_path / "bench")
    assert not [name for name in gateway if name.startswith(NOT_IN_A_GATEWAY)]
    assert not gateway & bench
    folder = ROOT / "gateway"
    sources = {str(path.relative_to(folder)) for path in folder.rglob("teleward_gateway/**/*.py")}
    assert sources <= gateway | bench
    code = {name for name in bench if ".dist-info/" not in name}
    assert all(name.startswith(NOT_IN_A_GATEWAY) for name in code)


def test_without_the_second_wheel_bench_names_the_remedy() -> None:
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'teleward_gateway.bench':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from teleward_gateway.__main__ import main; sys.exit(main(['bench', 'signal']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install ./packaging/bench" in done.stdout


@pytest.mark.parametrize("package", ["bench", "training", "testing"])
def test_nothing_that_runs_in_a_gateway_imports_it(package: str) -> None:
    code = (
        "import sys, importlib\nfrom teleward_gateway.__main__ import COMMANDS\n"
        f"sys.modules['teleward_gateway.{package}'] = None\n"
        "for name in set(COMMANDS): importlib.import_module(f'teleward_gateway.commands.{name}')\n"
        "import teleward_gateway.app"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
