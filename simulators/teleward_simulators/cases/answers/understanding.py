"""Which item of the catalogue a free text means, in English, Hindi and Hindi in Latin letters.

A text means an item when a name of it stands in it and every other word is one that the item knows
or that means nothing by itself: "fetal heart rate" is no pulse, "X-ray of the leg" no chest film.
What is left over is not understood, for a wrong answer is worse than none. So is an order: "give
oxygen" asks for no saturation.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from teleward_simulators.cases.answers.items import EXAMINATION, KINDS, TEST, Item, catalogue
from teleward_simulators.cases.answers.spelling import Speller

_MARKS = re.compile(r"[^\w\u0900-\u097f]+|_")
_NUKTA, _CANDRABINDU, _ANUSVARA = "\u093c", "\u0901", "\u0902"
_AND = re.compile(r"[,;&+/]|\band\b|\baur\b|और|\bthen\b|\balso\b")
_OWNED = re.compile(r"\b(patient|child|baby|infant|boy|girl|man|woman|lady)['’]s\b")
"""Whose it is, where it is the patient's own: not "mother's"."""
_ASKING = re.compile(r"^(?:please |can you |could you )*(?:give|send) (?:me|us) ")
"""Before something to find out; "give" without it is an order."""
_ORDERING = frozenset({"do", "dedo", "dijiye", "lagao", "chadhao", "दो", "दीजिए", "लगाओ", "चढ़ाओ"})
"""What a question does not end with: "oxygen do" is "give oxygen"."""
MOST_PARTS = 5
"""Things asked in one sentence; a longer list is asked piece by piece."""


def plain(text: str) -> str:
    """Return ``text`` in small letters without marks, words parted by single spaces.

    Spellings of Hindi that differ by a dot below or by how a vowel is nasal are one.
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    folded = folded.replace(_NUKTA, "").replace(_CANDRABINDU, _ANUSVARA)
    return " ".join(_MARKS.sub(" ", folded).split())


def _words(text: str) -> tuple[str, ...]:
    """Return the words of ``text``, one form for singular and plural."""
    return tuple(_singular(word) for word in plain(text).split())


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _listed(file: str) -> frozenset[str]:
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    rows = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word for row in rows for word in _words(row))


_FILLING = _listed("filling.txt")
"""Words that name no item by themselves."""
_PLACES = _listed("places.txt")
"""Parts of the body, which may stand beside a complaint."""
_CHECKS = _listed("checks.txt")
"""What may stand beside anything that is examined or tested: "level", "report"."""


def _kept(words: Iterable[str]) -> frozenset[str]:
    """Return the words that carry meaning; all of them when none does."""
    every = frozenset(words)
    return frozenset(w for w in every if w not in _FILLING and not w.isdecimal()) or every


def _ranked() -> Iterator[tuple[int, Item, str]]:
    """Yield (rank, item, name) of every name: ids, then labels, then synonyms."""
    for rank in range(3):
        for item in catalogue().values():
            texts = ((item.id,), tuple(text for _, text in item.label), item.words)[rank]
            yield from ((rank, item, text) for text in texts)


@cache
def _exact() -> dict[str, str]:
    """Return the item of every name as it is written."""
    found: dict[str, str] = {}
    for _, item, text in _ranked():
        found.setdefault(plain(text), item.id)
    return found


@cache
def _names() -> tuple[tuple[tuple[str, ...], frozenset[str], str, int], ...]:
    """Return (words of a name, those needed, item, rank) of every name.

    Of several words of which a single one carries meaning, all are needed, unless the item has that
    one as a name too: "how much blood" is blood lost, and a "blood test" is not.
    """
    names: dict[tuple[str, ...], tuple[str, int]] = {}
    for rank, item, text in _ranked():
        names.setdefault(_words(text), (item.id, rank))
    alone = {(meant, words[0]) for words, (meant, _) in names.items() if len(words) == 1}
    found: list[tuple[tuple[str, ...], frozenset[str], str, int]] = []
    for words, (meant, rank) in names.items():
        needed = _kept(words)
        if len(needed) == 1 and len(words) > 1 and (meant, *needed) not in alone:
            needed = frozenset(words)
        if words:
            found.append((words, needed, meant, rank))
    return tuple(found)


@cache
def _vocabulary() -> dict[str, frozenset[str]]:
    """Return every word that may stand in a question about each item."""
    known: dict[str, frozenset[str]] = {}
    for item in catalogue().values():
        texts = (item.id, *(text for _, text in item.label), *item.words, *item.also)
        words = frozenset(word for text in texts for word in _words(text))
        if "places" in item.also:
            words |= _PLACES
        known[item.id] = words | _CHECKS if item.kind in (EXAMINATION, TEST) else words
    return known


@cache
def _speller() -> Speller:
    words = _FILLING.union(_PLACES, _CHECKS, _ORDERING, *_vocabulary().values())
    return Speller(words, _listed("own_words.txt"))


def _spelled(word: str) -> str:
    """Return the known word that ``word`` is or was meant to be, in its singular."""
    speller, one = _speller(), _singular(word)
    if speller.knows(one):
        return one
    meant = speller.meant(word)
    return _singular(meant) if meant != word else speller.meant(one)


def understood(text: str) -> str:
    """Return the id of the item that ``text`` means, empty when it is not understood."""
    known = _exact().get(plain(text))
    if known is not None:
        return known
    own = plain(_OWNED.sub(r"\1", text.casefold()))
    asked = tuple(_spelled(word) for word in _ASKING.sub("", own).split())
    if not asked or asked[-1] in _ORDERING:
        return ""
    known = _exact().get(" ".join(asked))
    if known is not None:
        return known
    every, kept = frozenset(asked), _kept(asked)
    best, best_key = "", (0, 0, 0)
    for words, needed, item, rank in _names():
        if needed <= every and kept <= _vocabulary()[item]:
            key = (len(needed & kept), len(set(words) & every), -rank)
            if key > best_key:
                best, best_key = item, key
    return best


def parts(text: str) -> tuple[str, ...]:
    """Return the questions in ``text``: itself, or several that "and" and commas part.

    Only where each of the pieces is understood; anything else stays whole.
    """
    if understood(text):
        return (text,)
    found = tuple(piece.strip() for piece in _AND.split(text.casefold()) if plain(piece))
    if 1 < len(found) <= MOST_PARTS and all(understood(piece) for piece in found):
        return found
    return (text,)


def search(text: str, kinds: Iterable[str] = KINDS) -> list[Item]:
    """Return the items whose id, labels or words contain ``text``, best first."""
    wanted = plain(text)
    exact = understood(text)
    found = [
        item for item in catalogue().values()
        if item.kind in kinds
        and (item.id == exact or any(
            wanted in plain(name)
            for name in (item.id, *(label for _, label in item.label), *item.words)
        ))
    ]  # fmt: skip
    return sorted(found, key=lambda item: item.id != exact)
