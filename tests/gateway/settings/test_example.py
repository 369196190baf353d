"""The example names every setting, and is correct whether its settings are commented or not."""

import re

import pytest

from teleward_gateway.settings.example import example
from teleward_gateway.settings.load import locate, parse
from teleward_gateway.settings.model import Settings


def test_it_is_correct_as_it_stands_and_with_all_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = example()
    assert parse(text) == Settings(), "comments alone"
    assert max(map(len, text.splitlines())) <= 110
    monkeypatch.setenv("TELEWARD_SECRET", "a secret of thirty-two characters")
    whole = re.sub(r"(?m)^#(?=\S)", "", text).replace('mode = "field"', 'mode = "simulated"')
    # a token and a login for one are alternatives
    whole = re.sub(r"(?s)\[sinks\.fhir\.oauth2\].*?(?=\n\n|\Z)", "", whole)
    settings = parse(whole)
    assert settings.devices[0].subject == settings.subjects[0].id
    assert settings.mqtt is not None
    assert settings.mqtt.tls is not None


def test_it_names_every_setting() -> None:
    keys = {tuple(p for p in key if isinstance(p, str)) for key in
            locate(re.sub(r"(?m)^# ?(?=[\w]+ = |\S*\[)", "", example()))}  # fmt: skip
    schema = Settings.model_json_schema()
    for section, field in schema["properties"].items():
        found = field.get("items", field)
        name = (found.get("$ref") or next(
            o["$ref"] for o in found.get("anyOf", [{"$ref": "/"}]) if "$ref" in o
        )).rsplit("/", 1)[1]  # fmt: skip
        for key in schema["$defs"].get(name, {}).get("properties", {}):
            assert (section, key) in keys, f"{section}.{key}"
