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
import re
import secrets
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

_ADDRESS = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}\b")
_SHORTEST = 2
"""A one-letter label would be replaced inside every word."""
_USUAL = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
}


class Redactor:
    """Replaces personal names; `learn` tells it which there are."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._names: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, names: Iterable[str | None]) -> None:
        """Take names that must not be written: ids, labels, beds, authors."""
        known = self._names | {name for name in names if name and len(name) >= _SHORTEST}
        if known == self._names:
            return
        self._names = frozenset(known)
        longest_first = sorted(known, key=len, reverse=True)
        words = "|".join(re.escape(name) for name in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)")

    def clean(self, text: str) -> str:
        """Return ``text`` with marks in the place of names and addresses."""
        text = _ADDRESS.sub(lambda found: self._mark("address", found[0].upper()), text)
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._mark("person", found[0]), text)
        return text

    def _mark(self, kind: str, name: str) -> str:
        digest = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        return f"<{kind} {digest[:6]}>"


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
    """The same for eyes: time, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{clock} {record.levelname.lower():7} {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return self._redactor.clean(text)


def configure(
    redactor: Redactor, *, as_json: bool = True, level: str = "INFO", stream: TextIO | None = None
) -> logging.Handler:
    """Send every log line, of libraries too, through ``redactor``; return the handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if as_json else TextFormatter(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    return handler
