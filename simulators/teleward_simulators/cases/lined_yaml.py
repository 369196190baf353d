"""YAML that remembers the line of every mapping and list entry, for errors with file and line."""

from pathlib import Path
from typing import Any

import yaml

from teleward_signal.errors import Invalid

LONGEST = 200_000
"""Characters of a file; the longest case has 5 000."""
DEEPEST = 12


class CaseError(Invalid):
    """A case file that cannot be used; the message is ``file:line: reason``."""


class Table(dict[str, Any]):
    """A mapping with the file and the lines it came from (1 is the first)."""

    file: str = ""
    line: int = 0
    lines: dict[str, int]

    def fail(self, reason: str, key: str = "") -> CaseError:
        """Return an error about ``key``, or about the whole mapping."""
        return CaseError(f"{self.file}:{self.lines.get(key, self.line)}: {reason}")


def read(path: Path) -> Table:
    """Return the mapping of a file; CaseError names file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}:1: cannot be read: {error}") from None
    return read_text(text, str(path))


def read_text(text: str, file: str) -> Table:
    """Return the mapping of ``text``; ``file`` stands in errors."""
    if len(text) > LONGEST:
        raise CaseError(f"{file}:1: longer than {LONGEST} characters")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CaseError(f"{file}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise CaseError(f"{file}:1: not YAML: {error}") from None
    except RecursionError:
        raise CaseError(f"{file}:1: nested too deep") from None
    if not isinstance(node, yaml.MappingNode):
        raise CaseError(f"{file}:1: a case is a mapping of keys to values")
    found = _build(node, file, 0, set())
    assert isinstance(found, Table)
    return found


def _build(node: yaml.Node, file: str, depth: int, built: set[int]) -> Any:
    line = node.start_mark.line + 1
    if depth > DEEPEST:
        raise CaseError(f"{file}:{line}: nested too deep")
    if id(node) in built:  # ten of ten of ten ... would fill any memory
        raise CaseError(f"{file}:{line}: a case uses no anchors and aliases")
    built.add(id(node))
    if isinstance(node, yaml.MappingNode):
        table = Table()
        table.file, table.line, table.lines = file, line, {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            key_line = key_node.start_mark.line + 1
            if key in table:
                raise CaseError(f"{file}:{key_line}: the key {key!r} stands twice")
            table[key] = _build(value_node, file, depth + 1, built)
            table.lines[key] = key_line
        return table
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, file, depth + 1, built) for child in node.value]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        what = str(node.value)[:40]
        raise CaseError(f"{file}:{line}: {what!r} cannot be read: {error}") from None
