"""Texts of the live pages: equal keys in every language, each used, and no machine words shown."""

import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_signal.alarms.table import RHYTHMS, TECHNICAL, rhythm_text
from teleward_signal.banks.bank import Reason

OpenPage = Callable[..., Page]
DASHBOARD = Path(str(files("teleward_gateway") / "dashboard"))
ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"\{(\w+)\}")
BY_HAND = {"language_name", "review"}
MADE = {
    "live": re.compile(
        r"^(link|link_state|reason|role|input|risk|spoken|presence|show|quality|acvpu|band|metric|scale|enter"
        r"|filter)_|^(very_)?(low|high)$"
    ),
    "devices": re.compile(r"^verified_"),
    "strip": re.compile("."),
    "charts": re.compile("."),
}
"""Keys that a page puts together, by catalogue."""
OF_DATA = r"Ward A|Royal College of Physicians|Bed \d+|SIM-\d+|Oximeter|ECG patch"
"""Names. `#thresholds` names the Royal College of Physicians and its report."""


def catalogue(name: str, language: str) -> dict[str, Any]:
    """Return the texts of one catalogue."""
    path = DASHBOARD / "i18n" / f"{name}.{language}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    "name", ["live", "devices", "pair", "refusals", "strip", "charts", "exports"]
)
def test_every_language_has_the_same_keys_and_places(name: str) -> None:
    listed = re.findall(r'(\w\w): "', (DASHBOARD / "i18n" / "words.js").read_text("utf-8"))
    assert set(listed) == {p.suffixes[0][1:] for p in (DASHBOARD / "i18n").glob("live.*.json")}
    english, hindi = catalogue(name, "en"), catalogue(name, "hi")
    assert english.keys() == hindi.keys()
    for key, text in english.items():
        allowed = set(PLACE.findall(key if name == "refusals" else text))
        assert set(PLACE.findall(hindi[key])) <= allowed, key
        if name != "refusals":
            assert set(PLACE.findall(hindi[key])) == allowed, key


@pytest.mark.parametrize("name", ["live", "devices"])
def test_every_text_is_used_and_every_used_text_is_there(name: str) -> None:
    sources = [*DASHBOARD.rglob("*.js"), *DASHBOARD.glob("pages/*.html")]
    source = "".join(p.read_text("utf-8") for p in sources if "vendor" not in p.parts)
    english = set(catalogue(name, "en"))
    unused = {
        key
        for key in english - BY_HAND
        if not re.search(rf'["\']{re.escape(key)}["\']', source) and not MADE[name].match(key)
    }
    assert unused == set()
    parts = {"live": "*/*.js", "devices": "pages/devices*.js"}[name]
    own = "".join(p.read_text("utf-8") for p in DASHBOARD.glob(parts))
    asked = set(re.findall(r'[^.\w]t\("([\w-]+)"', own))
    others = {
        key
        for each in ("live", "devices", "strip", "charts", "exports")
        for key in catalogue(each, "en")
    }
    assert asked <= others, asked - others


def test_phrases_cover_what_alarms_read_and_refusals_what_the_gateway_writes() -> None:
    phrases = catalogue("phrases", "hi")
    read = {rhythm_text(label) for label in RHYTHMS}
    read |= {name.replace("_", " ").capitalize() for name in TECHNICAL} - {
        "No data", "Link lost", "Records lost",  # those have texts of their own
    }  # fmt: skip
    reasons = [str(reason.name) for reason in Reason]
    read |= {name.replace("_", " ").capitalize() for name in reasons}
    assert read <= set(phrases)
    assert {f"reason_{name.lower()}" for name in reasons} <= set(catalogue("live", "en"))
    code = "".join(
        path.read_text("utf-8")
        for folder in ("gateway", "signal", "drivers")
        for path in (ROOT / folder).rglob("*.py")
    )
    joined = re.sub(r'"\s*f?"', "", code)
    for sentence in catalogue("refusals", "en"):
        if " " not in sentence or sentence.startswith(("next ", "unknown")):
            continue
        for piece in filter(str.strip, re.split(r"\{\w+\}", sentence)):
            assert piece.strip(" :,") in joined.replace("mm[Hg]", "mmHg"), (sentence, piece)


VISIBLE = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, textContent: text } = walker.currentNode;
    if (parent.closest("script, style, noscript, [lang=en], #thresholds")) continue;
    if (parent.checkVisibility() && text.trim()) found.push(text.trim());
  }
  return found;
}"""


def test_a_page_in_hindi_shows_no_english(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward", locale="hi-IN")
    for path in ("/ward", "/bed/sim-03", "/bed/sim-03/trends", "/bed/sim-03/news2"):
        page.goto(ward.url + path)
        expect(page.locator("#link")).to_contain_text("लाइव")
        if path == "/bed/sim-03":
            page.wait_for_selector('[data-metric="spo2"][data-state="ok"]')
            for button in ("#news2", "#limits", "#filter", "#alarm-list"):
                page.evaluate("(id) => document.querySelector(id).click()", button)
        names = "|".join([OF_DATA, *(re.escape(bed.case[0]) for bed in ward.feed.beds)])
        text = re.sub(names, "", " ".join(page.evaluate(VISIBLE)))
        shown = set(re.findall(r"[a-z]{4,}", text)) - {"leth"}  # the label Pleth
        assert shown == set(), (path, shown)
    page.locator(".languages [lang=en]").click()
    expect(page.locator("#link")).to_contain_text("Live")
    page.goto(f"{ward.url}/ward")
    expect(page.locator("#silence")).to_contain_text("Silence")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_refusal_is_a_sentence_of_the_reader_without_machine_words(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward", locale="hi-IN")
    read = """(asked) => Promise.all(asked.map(async ([status, text]) => {
      const { refusal } = await import("/static/i18n/refusals.js");
      return refusal(status, text);
    }))"""
    found = page.evaluate(read, [
        [422, "limits of spo2: low 120 is outside 0 to 100"],
        [409, "bed bed-1 holds subject p1: discharge or move first"],
        [422, "body.readings.0.value: Input should be a valid number"],
        [409, "limits of subject p1 was changed by Ana to {'low': 3} meanwhile: look at it"],
        [404, "GET /api/v1/subjects/x: Not Found"],
    ])  # fmt: skip
    assert found[0] == "SpO₂: पीली निम्न 120, 0 से 100 के बाहर है।"
    assert found[1].startswith("Bed 1 में रोगी है")
    assert "body" not in found[2]
    assert "Ana" in found[3]
    assert all("{" not in each and "p1" not in each for each in found)
    page.evaluate("document.documentElement.lang = 'en'")
    assert page.evaluate(read, [[409, "alarm 'x' of p1 is acknowledged already"]]) == [
        "This alarm is acknowledged already. Look at what is there now and decide again."
    ]
