"""The text of a settings file, whatever editor wrote it."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from teleward_gateway.settings.mistakes import Mistake

_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
"""In this order: the mark of UTF-32 begins with that of UTF-16."""
_MOST_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class FileText:
    """A file as text, with what is wrong and what is only worth a note."""

    text: str
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_cut(self) -> bool:
        """Whether the file may have been longer: it is empty, or has zeros of a power cut."""
        return not self.text.strip() or "\0" in self.text


def read_text(path: Path) -> bytes:
    """Return the bytes of a settings file; raises OSError."""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(0, f"is larger than {_MOST_BYTES >> 20} MB and no settings file")
    return content


def decoded(content: bytes, file: str) -> FileText:
    """Return the text of ``content``; one that is not UTF-8 is read as far as it can be."""
    notes = []
    if content.startswith(codecs.BOM_UTF8):
        content = content.removeprefix(codecs.BOM_UTF8)
        notes.append("it begins with a byte order mark, as Notepad writes one: that is left out")
    if wide := _wide(content):
        encoding, name = wide
        problem = f"is {name} text: save it as UTF-8 (in Notepad: Save as, Encoding UTF-8)"
        text = content.decode(encoding, errors="replace").lstrip("\ufeff")
        return FileText(_lines(text, notes), (Mistake(file, 1, "file", problem),), tuple(notes))
    try:
        text, mistakes = content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02X} is not UTF-8 text: save the file as UTF-8"
        text, mistakes = content.decode("cp1252", errors="replace"), [(line, problem)]
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problem = "zeros in place of text, as after a power cut: take the file from a copy"
        mistakes.append((line, problem))
    if not text.strip():
        notes.append("it is empty: every setting has its default, and there is no device")
    found = tuple(Mistake(file, line, "file", problem) for line, problem in mistakes)
    return FileText(_lines(text, notes), found, tuple(notes))


def _wide(content: bytes) -> tuple[str, str] | None:
    """Return encoding and name of text with two or four bytes a letter, None for all other."""
    for mark, encoding, name in _WIDE:
        if content.startswith(mark):
            return encoding, name
    head = content[:200]
    if len(head) >= 4 and head[1::2].count(0) > len(head) // 3:
        return "utf-16-le", "UTF-16"
    if len(head) >= 4 and head[0::2].count(0) > len(head) // 3:
        return "utf-16-be", "UTF-16"
    return None


def _lines(text: str, notes: list[str]) -> str:
    """Return ``text`` with one kind of line end."""
    if "\r" not in text:
        return text
    if "\r\n" in text:
        notes.append("its lines end as in Windows: that does no harm")
    else:
        notes.append("its lines end as in old Mac files: they are read as lines")
    return text.replace("\r\n", "\n").replace("\r", "\n")
