"""The cases there are: those shipped, and those an instructor dropped in a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from teleward_signal.errors import Invalid
from teleward_simulators.cases.lined_yaml import CaseError
from teleward_simulators.cases.loader import load
from teleward_simulators.cases.model import Case

LIBRARY = Path(__file__).parent / "library"
VARIABLE = "TELEWARD_CASES"
"""Environment variable with further folders, separated as in PATH."""


def folders() -> list[Path]:
    """Return the folders in which cases are looked for; later ones win."""
    more = os.environ.get(VARIABLE, "")
    return [LIBRARY, *(Path(part) for part in more.split(os.pathsep) if part)]


def case_files(extra: Path | None = None) -> Iterator[Path]:
    """Yield every case file."""
    for folder in (*folders(), *([extra] if extra else ())):
        yield from sorted(folder.glob("*.yaml"))


def all_cases(extra: Path | None = None) -> tuple[dict[str, Case], list[CaseError]]:
    """Return the cases by id, and the errors of those that cannot be used."""
    found: dict[str, Case] = {}
    errors: list[CaseError] = []
    for path in case_files(extra):
        try:
            case = load(path)
        except CaseError as error:
            errors.append(error)
            continue
        found[case.id] = case
    return found, errors


def case_named(name: str, extra: Path | None = None) -> Case:
    """Return a case by id or by the path of its file; ValueError lists the choices."""
    if name.endswith((".yaml", ".yml")):
        return load(Path(name))
    shipped = LIBRARY / f"{name}.yaml"
    if shipped.exists() and not os.environ.get(VARIABLE) and extra is None:
        return load(shipped)
    cases, errors = all_cases(extra)
    if name not in cases:
        broken = "".join(f"\n{error}" for error in errors)
        raise Invalid(f"no case {name!r}; there are {', '.join(sorted(cases))}{broken}")
    return cases[name]
