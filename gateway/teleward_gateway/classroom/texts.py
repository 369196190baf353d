"""Texts of a class by key: one JSON file a language, for the pages and for the gateway's refusals.

A file ``dashboard/i18n/class.LANGUAGE.json`` is all that a further language needs: its
``language_name`` is what the door offers. The gateway refuses in English with the key beside it,
and a page shows its own language.
"""

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from teleward_signal.errors import TelewardError

ErrorT = TypeVar("ErrorT", bound=TelewardError)


def folder() -> Traversable:
    """Return where the catalogues lie."""
    return files("teleward_gateway") / "dashboard" / "i18n"


def languages() -> dict[str, str]:
    """Return the names of the languages by their code, in their own words; English first."""
    found = {}
    for path in folder().iterdir():
        head, _, rest = path.name.partition(".")
        if head == "class" and rest.endswith(".json"):
            code = rest.removesuffix(".json")
            texts = json.loads(path.read_text(encoding="utf-8"))
            found[code] = str(texts.get("language_name") or code)
    return dict(sorted(found.items(), key=lambda item: (item[0] != "en", item[0])))


def refusal(kind: type[ErrorT], key: str, **values: Any) -> ErrorT:
    """Return an error of ``kind`` with the English text of ``refused_KEY`` and the key itself."""
    name = f"refused_{key}"
    error = kind(_english()[name].format(**values))
    error.key, error.values = name, values
    return error


@cache
def _english() -> dict[str, str]:
    texts: dict[str, str] = json.loads((folder() / "class.en.json").read_text(encoding="utf-8"))
    return texts
