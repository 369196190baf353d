"""Whatever a case file holds, the loader loads it or says where it is wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_simulators.cases.catalogue import LIBRARY
from teleward_simulators.cases.lined_yaml import CaseError, read_text
from teleward_simulators.cases.loader import case_of, load

GOOD = [path.read_text(encoding="utf-8") for path in sorted(LIBRARY.glob("*.yaml"))]
WHERE = re.compile(r"case\.yaml:[1-9]\d*: \S")
NOTHING = Path("case.yaml")


def told(text: str) -> bool:
    """Return whether the text is refused; anything but a place and a reason is a failure here."""
    try:
        case_of(read_text(text, "case.yaml"), NOTHING)
    except CaseError as error:
        if not WHERE.match(str(error)):
            pytest.fail(f"no place and reason: {error}")
        return True
    return False


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["वेंट्रिकल", "t120", "HR", "vf", "0.5 mg", "2026-13-45", "\u0000", "*a", "&a"]),
)
NAMES = st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PIECES = ["\t", "*a", "&a ", "[[[[", "{", "!!x ", "'", "\n  - "]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value of a case."""
    out = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            out += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            out += places(inner, (*path, index))
    return out


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_value_anywhere_is_taken_or_told(data: st.DataObject) -> None:
    tree = yaml.safe_load(data.draw(st.sampled_from(GOOD)))
    path = data.draw(st.sampled_from(places(tree)))
    inside = tree
    for step in path[:-1]:
        inside = inside[step]
    match data.draw(st.sampled_from(["replace", "drop", "add"])):
        case "drop":
            del inside[path[-1]]
        case "add" if isinstance(inside, dict):
            inside[data.draw(st.text(max_size=8))] = data.draw(VALUES)
        case _:
            inside[path[-1]] = data.draw(VALUES)
    told(yaml.safe_dump(tree, allow_unicode=True))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_change_of_the_text_is_taken_or_told(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(GOOD))
    start = data.draw(st.integers(0, len(text) - 1))
    stop = min(len(text), start + data.draw(st.integers(0, 30)))
    piece = data.draw(st.text(max_size=20) | st.sampled_from(PIECES))
    told(text[:start] + piece + text[stop:])


NEST = "[" * 3000
BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        NEST,
        "a: &a [*a]",
        "a: " + "9" * 6000,
        "a: !!python/object/apply:os.system [true]",
        "id: !!int x",
        "\tid: x",
        "id: x\nid: y",
        "",
        "- a",
        "मरीज़: {title: ठीक}",
        "id: x\n" * 60000,
        "\x00",
    ],
)  # fmt: skip
def test_hostile_files_are_told_at_once(text: str) -> None:
    assert told(text)


@pytest.mark.parametrize(
    "old, new",
    [
        ("difficulty: 2", "difficulty: 1e999"),
        ("difficulty: 2", "difficulty: .nan"),
        ("difficulty: 2", "difficulty: true"),
        ("wt_kg: 70", "wt_kg: seventy"),
        ("wt_kg: 70", "wt_kg: " + "7" * 400),
        ("devices: [", "devices: [nose, "),
        ("t120: {", "t12000000000: {"),
        ("MAP < 65 and", "rhythm < 65 and"),
        ("MAP < 65 and", "rhythm == 65 and"),
        ("MAP < 65 and", "MAP < 65" + " and MAP < 65" * 60 + " and"),
        ("key:", "key: 5\nkeys:"),
        ("SBP: [105, 121]", "SBP: [low, 121]"),
        ("SBP: [105, 121]", "SBP: [105, .inf]"),
        ('dose: "0.5 mg"', 'dose: "99999999999 mg"'),
    ],
)
def test_wrong_values_are_told(old: str, new: str) -> None:
    text = (LIBRARY / "anaphylaxis-01.yaml").read_text(encoding="utf-8")
    assert old in text
    assert told(text.replace(old, new, 1))


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_bytes(b"id: \xff\xfe")
    with pytest.raises(CaseError, match=r"case\.yaml:1: cannot be read"):
        load(file)
    with pytest.raises(CaseError, match=r"nowhere\.yaml:1: cannot be read"):
        load(tmp_path / "nowhere.yaml")
