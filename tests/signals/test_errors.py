"""One root for the exceptions of all packages."""

import ast
from pathlib import Path

import teleward_cloud
import teleward_drivers
import teleward_gateway
import teleward_signal
import teleward_simulators

PACKAGES = (
    teleward_signal,
    teleward_drivers,
    teleward_cloud,
    teleward_simulators,
    teleward_gateway,
)
BUILT_IN = {"Exception", "BaseException", "ValueError", "LookupError", "RuntimeError", "KeyError",
            "TypeError", "OSError", "IndexError", "ArithmeticError"}  # fmt: skip


def exceptions() -> dict[str, set[str]]:
    """Return the exception classes of the tree with the names of their bases."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        folder = Path(next(iter(package.__path__)))
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name] = {ast.unparse(base).split(".")[-1] for base in node.bases}
    known = set(BUILT_IN)
    while more := {name for name, bases in found.items() if bases & known} - known:
        known |= more
    return {name: found[name] for name in known - BUILT_IN}


def test_every_exception_of_ours_is_a_teleward_error() -> None:
    bases = exceptions()
    assert len(bases) > 30
    rooted = {"TelewardError"}
    while more := {name for name, each in bases.items() if each & rooted} - rooted:
        rooted |= more
    assert set(bases) - rooted == set()
