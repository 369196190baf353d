"""Structured logs without personal data: one JSON object a line.

    {"time": "...Z", "level": "warning", "logger": "teleward_gateway.sessions", "message": "...",
     "device": "ox-1"}

Names and ids of subjects, beds, labels and Bluetooth addresses are replaced by a mark that is the
same for the same name within this process, so that a log can be read and passed on. The mark is
keyed by a random number of the process: nobody can try names against it.
"""

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import sys
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, TextIO

from teleward_gateway.process.log_limit import RepeatFilter

_ADDRESS = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}\b")
_WORD = re.compile(r"\w+")
_MOST = 10_000
"""Names kept: ids, labels and beds of some 3000 people, more than a ward sees in months; 3 MB."""
_SHORTEST = 2
"""A one-letter label would be replaced inside every word."""
log = logging.getLogger(__name__)
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, directions of writing, halves of characters, ends of lines (Unicode categories)."""
_USUAL = {*logging.LogRecord("", 0, "", 0, "", None, None).__dict__, "message", "asctime"}


class Redactor:
    """Replaces personal names; `learn` takes the names.

    It keeps the `_MOST` names told last. Whoever is on the ward is told again with every change of
    it, so that what is forgotten, with one warning, are names of people long gone.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._names: OrderedDict[str, None] = OrderedDict()
        self._by_word: dict[str, list[tuple[int, str]]] = {}
        self._full = False

    def learn(self, names: Iterable[str | None]) -> None:
        """Take names that must not be written: ids, labels, beds, authors."""
        for name in names:
            if not name or len(name) < _SHORTEST or not (word := _WORD.search(name)):
                continue
            if name not in self._names:
                known = [*self._by_word.get(word[0], ()), (word.start(), name)]
                # the longest first: "Ada Example" before "Ada"
                self._by_word[word[0]] = sorted(known, key=lambda one: -len(one[1]))
            self._names[name] = None
            self._names.move_to_end(name)
        while len(self._names) > _MOST:
            self._forget(self._names.popitem(last=False)[0])

    def clean(self, text: str) -> str:
        """Return ``text`` with marks in the place of names and addresses."""
        text = _ADDRESS.sub(lambda found: self._mark("address", found[0].upper()), text)
        kept, end = [], 0
        for word in _WORD.finditer(text):
            for offset, name in self._by_word.get(word[0], ()):
                start = word.start() - offset
                if start >= end and _stands_alone(text, start, name):
                    kept += [text[end:start], self._mark("person", name)]
                    end = start + len(name)
                    break
        return "".join([*kept, text[end:]])

    def _forget(self, name: str) -> None:
        word = _WORD.search(name)
        assert word is not None
        rest = [known for known in self._by_word.pop(word[0]) if known[1] != name]
        if rest:
            self._by_word[word[0]] = rest
        if not self._full:
            self._full = True
            log.warning("more than %d names: logs no longer hide those of the longest gone", _MOST)

    def _mark(self, kind: str, name: str) -> str:
        digest = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        return f"<{kind} {digest[:6]}>"


def _stands_alone(text: str, start: int, name: str) -> bool:
    """Return whether ``name`` is at ``start`` and no part of a longer word."""
    end = start + len(name)
    return (
        text.startswith(name, start)
        and not _WORD.match(text[start - 1 : start])
        and not _WORD.match(text[end : end + 1])
    )


class JsonFormatter(logging.Formatter):
    """One JSON object a line, cleaned by a `Redactor`."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = record.__dict__.keys() - _USUAL
        entry.update((key, record.__dict__[key]) for key in sorted(extra))
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        cleaned = {key: self._cleaned(value) for key, value in entry.items()}
        return json.dumps(cleaned, ensure_ascii=False, default=str)

    def _cleaned(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._redactor.clean(str(value))


class TextFormatter(JsonFormatter):
    """The same for eyes: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created))
        text = f"{moment},{int(record.msecs):03d}Z {record.levelname} {record.name}: "
        text += escape_controls(record.getMessage())
        if left_out := getattr(record, "left_out", 0):
            text += f" ({left_out} more like it left out)"
        if record.exc_info:
            for line in self.formatException(record.exc_info).split("\n"):
                # indented: what an exception quotes never looks like a line of its own
                text += "\n    " + escape_controls(line)
        return self._redactor.clean(text)


def escape_controls(text: str) -> str:
    """Return ``text`` on one line: what a device or a server sent forges no line and no colour."""
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in _CONTROLS
        else char
        for char in text
    )


def set_up_logs(
    level: int = logging.INFO,
    *,
    redactor: Redactor | None = None,
    as_json: bool | None = None,
    stream: TextIO | None = None,
) -> Redactor:
    """Send every line from ``level`` on, of libraries too, to standard error; return who cleans it.

    Without ``as_json``, the environment decides: ``TELEWARD_LOG=json``.
    """
    redactor = redactor or Redactor()
    if as_json is None:
        as_json = os.environ.get("TELEWARD_LOG", "text") == "json"
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(RepeatFilter())
    handler.setFormatter(JsonFormatter(redactor) if as_json else TextFormatter(redactor))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # bumble and bleak tell every packet at this level
    for chatty in ("bumble", "bleak"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return redactor
