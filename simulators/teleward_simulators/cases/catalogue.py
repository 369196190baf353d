"""The cases there are: those shipped, and those an instructor dropped in a folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from teleward_signal.errors import Invalid
from teleward_simulators.cases.lined_yaml import CaseError
from teleward_simulators.cases.loader import load
from teleward_simulators.cases.model import Case

LIBRARY = Path(__file__).parent / "library"
VARIABLE = "TELEWARD_CASES"
"""Environment variable with further folders, separated as in PATH."""
_ID_LINE = re.compile(rb"""^id:[ \t]*["']?([a-z0-9-]+)["']?[ \t]*(?:#.*)?\r?$""", re.MULTILINE)


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
    """Return a case by id or by the path of its file; Invalid lists the choices.

    Only files that may have that id are read whole: all of them take seconds.
    """
    if name.endswith((".yaml", ".yml")):
        return load(Path(name))
    files = _files_by_id(extra)
    broken: list[CaseError] = []
    for path in [*files.pop("", []), *files.get(name, [])][::-1]:
        try:
            case = load(path)
        except CaseError as error:
            broken.append(error)
            continue
        if case.id == name:
            return case
    reasons = "".join(f"\n{error}" for error in broken)
    raise Invalid(f"no case {name!r}; there are {', '.join(sorted(files))}{reasons}")


def _files_by_id(extra: Path | None) -> dict[str, list[Path]]:
    """Return the files of each id by the line that states it; under "" those without such a line.

    Later files win.
    """
    found: dict[str, list[Path]] = {"": []}
    for path in case_files(extra):
        try:
            stated = _ID_LINE.search(path.read_bytes())
        except OSError:
            stated = None  # reading it whole gives the reason
        found.setdefault(stated[1].decode() if stated else "", []).append(path)
    return found
