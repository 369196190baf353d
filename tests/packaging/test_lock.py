"""The lock of the runtime's libraries follows the dependencies and the constraints."""

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = ROOT / "packaging" / "runtime" / "requirements.txt"


@pytest.fixture(scope="module")
def lock() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader(
        "lock_runtime", str(ROOT / "scripts/lock-runtime")
    )
    spec = importlib.util.spec_from_loader("lock_runtime", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_lock_is_of_the_dependencies_of_now(lock: ModuleType) -> None:
    assert f"# Inputs: {lock.inputs()}" in LOCKED.read_text(), "run scripts/lock-runtime"


def test_every_library_is_locked_at_its_constraint() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    constrained = {
        name.lower().replace("_", "-"): version
        for name, _, version in (x.partition("==") for x in lines)
    }
    locked = [
        line.split()[0].split("==") for line in LOCKED.read_text().splitlines() if "==" in line
    ]
    assert len(locked) > 30
    assert {name: constrained.get(name) for name, _ in locked} == dict(locked)
