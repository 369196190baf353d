"""Texts of the class pages: equal keys and places in every language, none missing, none unused."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from teleward_gateway.classroom import texts
from teleward_signal.errors import Conflict, Invalid
from teleward_simulators.sensors.faults import FAULT_KINDS

DASHBOARD = Path(str(files("teleward_gateway") / "dashboard"))
LANGUAGES = tuple(texts.languages())
PAGES = ("join", "room", "room_view", "room_tabs", "teach", "teach_bulk", "wall", "histogram",
         "figure", "room_score", "teach_scores", "debrief_chart", "class_overlay")  # fmt: skip
MADE = re.compile(
    r"^(tab|news2|go|talk|mode|role|state|stage|colour|effort|line|fault)_|^(hr|spo2|rr|bp)$"
    r"|^score_(why_\w+|diagnosis|disposition|actions|communication|handover|note)$"
)
"""Keys that a page puts together from a word of the data."""


def catalogue(language: str) -> dict[str, Any]:
    """Return the texts of a language."""
    path = DASHBOARD / "i18n" / f"class.{language}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def places(text: Any) -> set[str]:
    """Return the names in braces, of all plural forms."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


def test_every_language_has_the_same_keys_places_and_plurals() -> None:
    english = catalogue("en")
    for language in LANGUAGES[1:]:
        other = catalogue(language)
        assert set(other) == set(english)
        for key, text in english.items():
            assert places(other[key]) == places(text), key
            assert isinstance(other[key], dict) == isinstance(text, dict), key

    def own(text: Any) -> str:
        return re.sub(r"\{\w+\}", "", str(text))

    for language in LANGUAGES[1:]:
        other = catalogue(language)
        same = [k for k in english if own(english[k]) == own(other[k])]
        assert [k for k in same if re.search("[a-z]{4}", own(english[k]))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_texts_have_both_forms_and_the_catalogue_is_marked(language: str) -> None:
    texts = catalogue(language)
    assert all({"one", "other"} == set(t) for t in texts.values() if isinstance(t, dict))
    assert texts["review"]


def test_every_key_is_used_and_every_used_key_is_there() -> None:
    scripts = [DASHBOARD / "pages" / f"{name}.js" for name in PAGES]
    scripts += [DASHBOARD / "core" / "api.js"]
    scripts += [DASHBOARD / "i18n" / name for name in ("catalogue.js", "texts.js")]
    source = "".join(script.read_text(encoding="utf-8") for script in scripts)
    rooms = Path(texts.__file__).parent.rglob("*.py")
    refusals = re.findall(r'refusal\(\s*\w+,\s*"(\w+)"', "".join(p.read_text() for p in rooms))
    english = set(catalogue("en"))
    used = set(re.findall(r'"([a-z0-9_]+)"', source)) & english
    used |= {f"refused_{key}" for key in refusals}
    asked = set(re.findall(r'\.text\(\s*"([a-z0-9_]+)"', source)) | (used - english)
    assert asked <= english, asked - english
    unused = {key for key in english - used if not MADE.match(key)} - {"review", "language_name"}
    assert unused == set(), unused
    faults = {key.removeprefix("fault_") for key in english if key.startswith("fault_")}
    assert faults - {"all"} == set(FAULT_KINDS)


def test_a_further_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(texts.languages().items()) == [("en", "English"), ("hi", "हिन्दी")]
    for name in ("class.en.json", "class.hi.json"):
        (tmp_path / name).write_bytes((DASHBOARD / "i18n" / name).read_bytes())
    (tmp_path / "class.ta.json").write_text('{"language_name": "தமிழ்"}', encoding="utf-8")
    monkeypatch.setattr(texts, "folder", lambda: tmp_path)
    assert texts.languages() == {"en": "English", "hi": "हिन्दी", "ta": "தமிழ்"}


def test_a_refusal_carries_its_text_and_the_key_of_every_other_language() -> None:
    few = texts.refusal(Invalid, "few_words", n=3)
    assert str(few) == "write about 20 words first; these are 3"
    assert (few.key, few.values) == ("refused_few_words", {"n": 3})
    assert texts.refusal(Conflict, "locked").key == "refused_locked"
    assert Conflict("of its own").key is None
