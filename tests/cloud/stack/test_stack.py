"""The files of `teleward stack` work with the real mosquitto and settings; Docker is not run."""

import argparse
import asyncio
import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from teleward_cloud.mqtt.settings import MqttSettings
from teleward_cloud.mqtt.sink import MqttSink
from teleward_cloud.stack.render import PLACEHOLDER, Secrets, StackOptions, files, fill, templates
from teleward_gateway.commands import stack
from teleward_gateway.settings.load import load
from teleward_gateway.testing.servers import Mosquitto
from teleward_signal.model import Provenance
from teleward_signal.vocabulary import METRICS, Metric, MetricKind, unit_text


@pytest.fixture
def written(tmp_path: Path) -> Path:
    parser = argparse.ArgumentParser()
    stack.add_arguments(parser)
    folder = tmp_path / "stack"
    assert stack.run(parser.parse_args([str(folder)])) == 0
    return folder


def test_every_file_that_compose_names_is_there(written: Path) -> None:
    model = json.loads((written / "compose.json").read_text())
    assert set(model["services"]) == {"mosquitto", "influxdb", "collector", "grafana"}
    for service in model["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = source in model["volumes"] or (written / source).exists()
            assert known, volume
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        assert all((written / name).exists() for name in service.get("env_file", []))


def test_secrets_are_new_and_private(written: Path, tmp_path: Path) -> None:
    for name in ("secrets.env", "gateway.toml", "collector/collect.toml"):
        assert stat.S_IMODE((written / name).stat().st_mode) == 0o600
    parser = argparse.ArgumentParser()
    stack.add_arguments(parser)
    assert stack.run(parser.parse_args([str(tmp_path / "other")])) == 0
    other = (tmp_path / "other" / "secrets.env").read_text()
    assert other != (written / "secrets.env").read_text()
    assert stack.run(parser.parse_args([str(written)])) == 2, "passwords in use are kept"


def test_settings_are_valid_and_match_the_broker(written: Path) -> None:
    gateway, collector = load(written / "gateway.toml"), load(written / "collector/collect.toml")
    assert gateway.mqtt is not None
    assert gateway.mqtt.confirm == "storage"
    assert collector.influx is not None
    environment = (written / "secrets.env").read_text()
    assert f"INFLUX_TOKEN={collector.influx.token.get_secret_value()}\n" in environment


async def test_the_gateway_may_in_with_its_password(written: Path, tmp_path: Path) -> None:
    configuration = (written / "mosquitto/mosquitto.conf").read_text()
    configuration = configuration.replace("/mosquitto/config", str(written / "mosquitto"))
    configuration = re.sub("persistence.*\n", "", configuration)
    extra = configuration.replace("listener 1883", "listener PORT 127.0.0.1")
    server = Mosquitto(tmp_path, extra=extra)
    await asyncio.to_thread(server.start)
    settings = load(written / "gateway.toml").mqtt
    assert settings is not None
    at_home = {"host": "127.0.0.1", "port": server.port}
    sink = MqttSink(
        settings.model_copy(update=at_home), gateway="g", provenance=Provenance.SIMULATED
    )
    await sink.open()
    await sink.wait_connected(30)
    await sink.close()
    stranger = MqttSettings(port=server.port, username="gateway-field", password=SecretStr("x"))
    sink = MqttSink(stranger, gateway="g", provenance=Provenance.FIELD)
    await sink.open()
    with pytest.raises(TimeoutError):
        await sink.wait_connected(1)
    await sink.close()
    await asyncio.to_thread(server.stop)


def test_grafana_finds_source_provider_and_dashboards(written: Path) -> None:
    (source,) = json.loads((written / "grafana/datasources/teleward.json").read_text())[
        "datasources"
    ]
    (provider,) = json.loads((written / "grafana/providers/teleward.json").read_text())["providers"]
    model = json.loads((written / "compose.json").read_text())
    volumes = model["services"]["grafana"]["volumes"]
    assert any(volume.endswith(f":{provider['options']['path']}:ro") for volume in volumes)
    for path in (written / "grafana/dashboards").glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            if "datasource" in panel:
                assert panel["datasource"]["uid"] == source["uid"]


@pytest.mark.parametrize("name", ["ward", "bed"])
def test_dashboards_ask_for_what_the_sink_writes(name: str) -> None:
    model = json.loads(dict(templates())[f"grafana/dashboards/{name}.json"])
    numbers = [panel["id"] for panel in model["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert "not a certified medical device" in json.dumps(model["panels"][0])
    for panel in model["panels"]:
        for target in panel.get("targets", []):
            check_query(target["query"])
    assert_no_overlap(model["panels"])
    titles = [panel["title"] for panel in model["panels"]]
    assert "NEWS2" in titles, "what UCUM writes in braces is no unit"
    assert not any(set("{[") & set(title) for title in titles)


def test_dashboards_show_label_and_unit_of_the_vocabulary() -> None:
    model = json.loads(dict(templates())["grafana/dashboards/ward.json"])
    for panel in model["panels"]:
        asked = panel["targets"][0]["query"] if "targets" in panel else ""
        if 'r._field == "value"' not in asked:
            continue
        (name,) = re.findall(r'r\.metric == "(\w+)"', panel["targets"][0]["query"])
        metric = METRICS[name]
        assert panel["title"] == shown(metric)
        assert panel["fieldConfig"]["defaults"]["decimals"] == metric.decimals
        rare = name in ("body_temperature", "nibp_systolic")
        assert ("range(start: -24h)" in asked and '"_time"' in asked) == rare
        assert panel["type"] == ("table" if rare else "stat"), "an old value stands with its time"


def shown(metric: Metric) -> str:
    unit = {"Cel": "°C", "mm[Hg]": "mmHg"}.get(metric.unit, unit_text(metric.unit))
    return f"{metric.label} ({unit})" if unit else metric.label


def test_the_bed_shows_the_last_reading_of_every_kind_in_a_day() -> None:
    model = json.loads(dict(templates())["grafana/dashboards/bed.json"])
    (panel,) = [panel for panel in model["panels"] if panel["title"] == "Last readings"]
    query = panel["targets"][0]["query"]
    assert panel["type"] == "table"
    assert "range(start: -24h)" in query
    assert '"_time"' in query
    (override,) = panel["fieldConfig"]["overrides"]
    names = override["properties"][0]["value"][0]["options"]
    assert {name: found["text"] for name, found in names.items()} == {
        name: shown(metric)
        for name, metric in METRICS.items()
        if metric.kind is not MetricKind.WAVEFORM
    }


def test_no_placeholder_is_left_and_values_are_escaped() -> None:
    options = StackOptions(collectors=3, package='./a "b".whl', provenance=Provenance.FIELD)
    written = files(options, Secrets(), lambda name, password, salt: f"{name}:x\n")
    assert [name for name, text in written.items() if PLACEHOLDER.search(text)] == []
    collector = json.loads(written["compose.json"])["services"]["collector"]
    assert collector["deploy"]["replicas"] == 3
    assert './a "b".whl' in collector["command"][2]
    source = json.loads(written["grafana/datasources/teleward.json"])["datasources"][0]
    assert source["jsonData"]["defaultBucket"] == "teleward"
    assert 'username = "gateway-field"' in written["gateway.toml"]


def test_collectors_install_a_wheel_and_no_name_of_an_index() -> None:
    written = files(StackOptions(), Secrets(), lambda name, password, salt: f"{name}:x\n")
    collector = json.loads(written["compose.json"])["services"]["collector"]
    installed = collector["command"][2].partition(" && ")[0]
    assert installed == "pip install --quiet /teleward/teleward-*.whl"
    assert collector["volumes"] == ["./collector:/teleward:ro"]
    assert "collector/collect.toml" in written


def test_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(KeyError, match="NOWHERE"):
        fill("x.toml", "host = @NOWHERE@", {})


def check_query(query: str) -> None:
    (measurement,) = re.findall(r'_measurement == "(\w+)"', query)
    assert measurement in {"numeric", "waveform", "alarm"}
    for metric in re.findall(r'metric == "(\w+)"', query):
        assert metric in METRICS
    assert query.count("(") == query.count(")")
    if "last()" in query:
        in_order = r'last\(\)\s+\|> group\(.+\)\s+\|> sort\(columns: \["_time"\]\)\s+\|> last\(\)'
        assert re.search(in_order, query), "a group of several devices is in no order of time"


def assert_no_overlap(panels: list[dict[str, Any]]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_toml_is_toml(written: Path) -> None:
    for path in written.rglob("*.toml"):
        assert tomllib.loads(path.read_text())["mqtt"]["username"].endswith("-simulated")
