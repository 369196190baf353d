"""The documentation: pages link to what exists, and the reference is made from the code."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / name for name in listed]


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_site"] = module
    spec.loader.exec_module(module)
    return module


def test_pages_link_to_files_that_are_there(builder: ModuleType) -> None:
    assert [
        line for page in _pages() for line in builder.missing_files(page, page.read_text())
    ] == []


def test_a_link_to_a_missing_file_is_named_with_its_page(builder: ModuleType) -> None:
    found = builder.missing_files(ROOT / "docs" / "index.md", "[a](nowhere.md#part) [b](#here)")
    assert found == ["docs/index.md: nowhere.md#part"]


READERS = ("my_", "test_my_", "capnometer/", "commands.json", "class.CODE.json", "teleward.toml",
           "boards/NAME/")  # fmt: skip
"""Files that a reader writes or gets, not ours."""
ENDINGS = {"py", "md", "js", "css", "html", "toml", "yaml", "c", "h", "ino", "json", "npz", "hex"}


def _missing_paths(text: str, tree: set[str], targets: set[str]) -> list[str]:
    """Return the paths and make targets in code spans of a page that the tree has not.

    A path may begin below the root; ``...`` stands for folders between.
    """
    found = []
    for span in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.fullmatch(r"make [a-z-]+", span):
            found += [span] if span.removeprefix("make ") not in targets else []
            continue
        path = span.rstrip("/")
        is_path = re.fullmatch(r"[\w.-]+(/[\w.-]+)*", path) and (
            path.rpartition(".")[2] in ENDINGS or path.split("/")[0] + "/" in tree
        )
        if not is_path or path.startswith(READERS):
            continue
        wanted = re.compile("(.*/)?" + re.escape(path).replace(r"\.\.\.", ".*") + "/?")
        found += [] if any(wanted.fullmatch(known) for known in tree) else [span]
    return found


def test_pages_name_paths_and_targets_that_are_there() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    tree = {*listed, *(f"{folder}/" for name in listed for folder in Path(name).parents)}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [page for page in _pages() if page.name != "CHANGELOG.md"]  # it names what was, too
    assert {
        str(page.relative_to(ROOT)): missing
        for page in pages
        if (missing := _missing_paths(page.read_text(), tree, targets))
    } == {}


def test_a_missing_path_is_found() -> None:
    tree, targets = {"docs/", "docs/index.md", "a/b/c.py"}, {"check"}
    kept = "`docs/index.md` `index.md` `a/.../c.py` `make check` `bed/sim-1` `teleward.toml`"
    assert _missing_paths(kept, tree, targets) == []
    gone = ["docs/other.md", "x.py", "a/.../d.py", "docs/old", "make fly"]
    assert _missing_paths(" ".join(f"`{each}`" for each in gone), tree, targets) == gone


def _prose(page: Path) -> Iterator[tuple[int, list[str]]]:
    """The paragraphs and list items of a page with their first line, without code and tables."""
    code, begin, lines = False, 0, list[str]()
    for number, line in enumerate([*page.read_text().split("\n"), ""], 1):
        if line.strip().startswith("```"):
            code = not code
        apart = code or line.startswith(("```", "|", "#")) or not line.strip()
        if apart or re.match(r"\s*([-*]|\d+\.) ", line) or (line.startswith("    ") and not lines):
            if lines:
                yield begin, lines
            lines = []
        if not apart and not (line.startswith("    ") and not lines):
            begin, lines = (begin if lines else number), [*lines, line]


def test_pages_are_wrapped_and_their_paragraphs_short() -> None:
    long = []
    for page in _pages():
        if page.name == "CHANGELOG.md" or ".github" in page.parts:
            continue
        for begin, lines in _prose(page):
            words = len(" ".join(lines).split())
            place = f"{page.relative_to(ROOT)}:{begin}"
            long += [f"{place}: {words} words"] if words > 60 else []
            long += [f"{place}: {len(line)} columns" for line in lines if len(line) > 100]
    assert long == []


def test_the_settings_reference_has_every_section_and_key(builder: ModuleType) -> None:
    page = builder.settings_page()
    for title in ("## [gateway]", "## [journal]", "## [mqtt.tls]", "## [[devices]]"):
        assert title in page
    assert "| `commit_interval_s` | number | `1.0` | time between commits |" in page


def test_the_api_reference_has_every_route(builder: ModuleType) -> None:
    page = builder.api_page()
    paths = builder.openapi()["paths"]
    assert len(paths) > 30
    routes = sum(len(methods) for methods in paths.values())
    assert len(re.findall(r"^### [A-Z]+ /", page, re.MULTILINE)) == routes
