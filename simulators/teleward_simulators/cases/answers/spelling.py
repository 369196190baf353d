"""Which known word a mistyped one is, in English and in Hindi in Latin letters.

A word of five letters or more is taken for a known one that a single slip of the fingers parts
from it: a letter left out, a letter twice, two letters that changed places, a vowel for another, or
c, k, s and z. The first letter is right, and no second known word is as near. A word that English
has itself ("horse" beside "hoarse") is no slip; those are in ``own_words.txt``. Hindi has no one
spelling in Latin letters: "pyaas" and "pyas", "wazan" and "vajan" are one.
"""

import re
from collections.abc import Iterable

LEAST = 5
"""Letters of a word that may hold a slip."""
LEAST_SOUND = 4
"""Letters of a word that may be known by its sound."""
_SOUNDS = (("aa", "a"), ("ee", "i"), ("oo", "u"), ("ii", "i"), ("uu", "u"), ("ph", "f"),
           ("w", "v"), ("z", "j"), ("q", "k"))  # fmt: skip
_DOUBLED = re.compile(r"(.)\1+")
_LATIN = re.compile(r"[a-z]+")
_ALIKE = ("aeiouy", "ckqsz")
"""Letters that people write for each other."""


class Speller:
    """The words known, and the one of them that any other was meant to be."""

    def __init__(self, known: Iterable[str], own: Iterable[str]) -> None:
        """``own`` are words that are right as they are, whatever they are near to."""
        self._known = frozenset(known)
        self._own = frozenset(own)
        self._by_start: dict[str, list[str]] = {}
        self._by_sound: dict[str, set[str]] = {}
        for word in self._known:
            if _LATIN.fullmatch(word):
                self._by_start.setdefault(word[0], []).append(word)
                self._by_sound.setdefault(sound(word), set()).add(word)

    def knows(self, word: str) -> bool:
        """Return whether ``word`` is right as it is."""
        return word in self._known or word in self._own

    def meant(self, word: str) -> str:
        """Return the known word that ``word`` is a spelling of; itself when there is none."""
        if self.knows(word) or not _LATIN.fullmatch(word):
            return word
        alike = self._by_sound.get(sound(word), ())
        if len(word) >= LEAST_SOUND and len(alike) == 1:
            return next(iter(alike))
        if len(word) < LEAST:
            return word
        near = [other for other in self._by_start.get(word[0], ()) if slipped(word, other)]
        return near[0] if len(near) == 1 else word


def sound(word: str) -> str:
    """Return a word of Latin letters as it sounds in Hindi, short and long vowels alike."""
    for written, spoken in _SOUNDS:
        word = word.replace(written, spoken)
    return _DOUBLED.sub(r"\1", word)


def slipped(typed: str, meant: str) -> bool:
    """Return whether one slip makes ``typed`` of ``meant``."""
    if len(typed) + 1 == len(meant):
        return any(meant[:i] + meant[i + 1 :] == typed for i in range(1, len(meant)))
    if len(typed) == len(meant) + 1:
        doubled = (i for i in range(1, len(typed)) if typed[i] == typed[i - 1])
        return any(typed[:i] + typed[i + 1 :] == meant for i in doubled)
    if len(typed) != len(meant):
        return False
    wrong = [i for i, (one, other) in enumerate(zip(typed, meant, strict=True)) if one != other]
    if len(wrong) == 1:
        pair = {typed[wrong[0]], meant[wrong[0]]}
        return any(pair <= set(letters) for letters in _ALIKE)
    swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1
    return swapped and typed[wrong[0]] == meant[wrong[1]] and typed[wrong[1]] == meant[wrong[0]]
