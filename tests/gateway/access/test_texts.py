"""Texts of the pages of access: equal keys and places in every language, each of them used."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from teleward_gateway.access.roles import Role
from teleward_gateway.access.routes import list_login_languages

DASHBOARD = Path(str(files("teleward_gateway") / "dashboard"))


def places(text: Any) -> set[str]:
    """Return the names in braces, of all plural forms."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


async def test_every_language_has_the_same_keys_and_places() -> None:
    codes = list(await list_login_languages())
    assert codes[:2] == ["en", "hi"]
    english, *others = [
        json.loads((DASHBOARD / "i18n" / f"access.{code}.json").read_text(encoding="utf-8"))
        for code in codes
    ]
    for other in others:
        assert set(other) == set(english)
        for key, text in english.items():
            assert places(other[key]) == places(text), key
            assert isinstance(other[key], dict) == isinstance(text, dict), key
    scripts = "".join(
        (DASHBOARD / "pages" / f"{n}.js").read_text() for n in ("login", "trust", "accounts")
    )
    used = set(re.findall(r'text\("([\w-]+)"', scripts)) | {
        "show_password", "hide_password", "language_name", "review",
        *(key for key in english if key.startswith(("refused_", "picture_", "role_"))),
    }  # fmt: skip
    assert used == set(english)
    assert {f"role_{role.value}" for role in Role if role is not Role.METRICS} <= set(english)
