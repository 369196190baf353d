"""Words: names, first lines and texts that people read use plain field English (docs/glossary.md).

Product code alone is checked: Python names, first lines of docstrings and string constants; names
and strings of the dashboard's scripts; visible text of its pages.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("gateway", "drivers", "signal", "cloud", "simulators")
BANNED = re.compile(
    r"\b(says?|said|saying|tells?|telling|told|hears?|heard|hearing|mend(s|ed|ing)?|ow(e|es|ed|ing)"
    r"|wish(es|ed)?|lets?|letting|news|anew|for ever|whoever|a hand)\b",
    re.IGNORECASE,
)
IDIOM = re.compile(r"^(Say|Tell) (whether|what|how|when|who)\b|^Let \b")

CASE_FORMAT = {"say", "mend"}
"""`say` and `mend` are keys of case files (schema 2), orders and events: public formats. Strings
alone may be them; no name is."""
IN_FORMAT = (
    "simulators/teleward_simulators/cases/", "gateway/teleward_gateway/classroom/",
    "gateway/teleward_gateway/commands/room.py",
)  # fmt: skip
EXEMPT: dict[str, set[str]] = {
    "gateway/teleward_gateway/registry/transactions.py": {"wish"},  # a key in existing files
    "gateway/teleward_gateway/dashboard/": {
        "let",
        "news",
    },  # JavaScript; the class of the NEWS2 badge
}


def _tracked(pattern: str) -> list[str]:
    run = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [name for name in run.stdout.splitlines() if (ROOT / name).exists()]
    return [name for name in names if name.startswith(FOLDERS)]


Nodes = list[ast.AST]


def _parse(source: str) -> Nodes:
    return list(ast.walk(ast.parse(source)))


@cache
def _file(name: str) -> Nodes:
    return _parse((ROOT / name).read_text())


@cache
def _words(name: str) -> str:
    """Return the words of an identifier; digits stay with theirs, so that NEWS2 is no news."""
    return " ".join(re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+", name)).lower()


def _allowed(file: str) -> set[str]:
    return {word for prefix, words in EXEMPT.items() if file.startswith(prefix) for word in words}


def _refused(file: str, texts: Iterator[tuple[int, str]], also: Iterable[str] = ()) -> list[str]:
    allowed = {word.lower() for word in (*_allowed(file), *also)}
    return [
        f"{file}:{line}: {text.strip()[:90]!r} has {match[0]!r}"
        for line, text in texts
        for match in BANNED.finditer(text)
        if match[0].lower() not in allowed
    ]


def _names(nodes: Nodes) -> Iterator[tuple[int, str]]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, _words(node.name)
        elif isinstance(node, ast.Name):
            yield node.lineno, _words(node.id)
        elif isinstance(node, ast.arg):
            yield node.lineno, _words(node.arg)
        elif isinstance(node, ast.Attribute):
            yield node.lineno, _words(node.attr)


def _docstrings(nodes: Nodes) -> Iterator[tuple[ast.Constant, str]]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module
    for node in nodes:
        if isinstance(node, kinds) and node.body and isinstance(node.body[0], ast.Expr):
            value = node.body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value, value.value.strip().split("\n")[0]


def _first_lines(nodes: Nodes) -> Iterator[tuple[int, str]]:
    for node, line in _docstrings(nodes):
        yield node.lineno, line


def _strings(nodes: Nodes) -> Iterator[tuple[int, str]]:
    documents = {id(node) for node, _ in _docstrings(nodes)}
    for node in nodes:
        if not isinstance(node, ast.Constant) or id(node) in documents:
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value.replace("_", " ")


def _script(text: str) -> Iterator[tuple[int, str]]:
    """Names and strings of a script, without its comments."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(text.split("\n"), 1):
        code = re.sub(r"(^|\s)//.*$", "", line)
        yield number, re.sub(r"[A-Za-z_$][\w$]*", lambda m: _words(m[0]), code)


def _page(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        yield number, re.sub(r"<[^>]*>", " ", line)


def test_names_first_lines_and_strings_are_plain() -> None:
    refused: list[str] = []
    for file in _tracked("*.py"):
        nodes = _file(file)
        for texts in (_names(nodes), _first_lines(nodes)):
            refused += _refused(file, texts)
        refused += _refused(
            file, _strings(nodes), CASE_FORMAT if file.startswith(IN_FORMAT) else ()
        )
    assert refused == []


def test_files_are_named_plainly() -> None:
    files = ((0, _words(re.sub(r"[^A-Za-z0-9]+", "_", name))) for name in _tracked("*"))
    assert _refused("", files) == []


def test_words_of_the_case_format_are_no_names() -> None:
    nodes = _parse("self.said = say(kind='mend')")
    file = f"{IN_FORMAT[0]}x.py"
    assert len(_refused(file, _names(nodes))) == 2
    assert _refused(file, _strings(nodes), CASE_FORMAT) == []


def test_first_lines_name_the_thing() -> None:
    found = [
        f"{file}:{line}: {text}"
        for file in _tracked("*.py")
        for line, text in _first_lines(_file(file))
        if IDIOM.match(text)
    ]
    assert found == []


def test_the_dashboard_is_plain() -> None:
    refused: list[str] = []
    for pattern, reader in (("*.js", _script), ("*.html", _page)):
        for file in _tracked(pattern):
            refused += _refused(file, reader((ROOT / file).read_text()))
    assert refused == []


@pytest.mark.parametrize(
    "source",
    [
        "def tell_them(): pass",
        "heard = 1",
        "def f(x):\n    'Say whether it is.'",
        "log('the case is told anew')",
        "x.first_owed",
        "SCALE_FOR_EVER = 1",
    ],
)
def test_a_banned_word_is_found(source: str) -> None:
    nodes = _parse(source)
    texts = [*_names(nodes), *_first_lines(nodes), *_strings(nodes)]
    assert _refused("gateway/x.py", iter(texts))


@pytest.mark.parametrize(
    "source", ["News2(total=3)", "publish_news2(1)", "letter = owner = newest"]
)
def test_other_words_pass(source: str) -> None:
    assert _refused("gateway/x.py", _names(_parse(source))) == []


def test_a_banned_word_in_a_script_is_found() -> None:
    assert _refused("gateway/x.js", _script("const text = `nothing was heard`; // told"))
    assert _refused("gateway/x.js", _script("tellAll()"))
    assert _refused("gateway/x.html", _page("<p>Tell the nurse</p>"))
