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
