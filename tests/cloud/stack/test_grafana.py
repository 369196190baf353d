"""Grafana's dashboards against the models that Grafana publishes of them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from teleward_cloud.stack.render import templates


def not_known(sent: Any, read: Any, path: str = "dashboard") -> Iterator[str]:
    """Yield what the models do not keep: a key or value that Grafana has not got."""
    if isinstance(sent, dict) and isinstance(read, dict):
        for key, value in sent.items():
            if key in read:
                yield from not_known(value, read[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        for number, pair in enumerate(zip(sent, read, strict=True)):
            yield from not_known(*pair, f"{path}[{number}]")
    elif sent != read:
        yield path


def check(model: dict[str, Any]) -> list[str]:
    """Return what is wrong with a dashboard by its models; an unknown panel has no options."""
    plugins.register_default_plugins()
    read = Dashboard.from_json(model)
    wrong = list(not_known(model, json.loads(json.dumps(read, cls=JSONEncoder))))
    panels = [panel for panel in read.panels or () if isinstance(panel, Panel)]
    return wrong + [str(panel.type_val) for panel in panels if isinstance(panel.options, dict)]


@pytest.mark.parametrize("name", ["ward", "bed"])
def test_dashboards_are_what_grafana_reads(name: str) -> None:
    model = json.loads(dict(templates())[f"grafana/dashboards/{name}.json"])
    assert check(model) == []
    panel = model["panels"][1]
    panel["options"]["text_mode"] = "value"
    panel["fieldConfig"]["default"] = {}
    assert len(check(model)) == 2, "a wrong key is found"
    panel["type"] = "gauges"
    assert "gauges" in check(model)
