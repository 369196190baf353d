"""Every mistake in a settings file is named by file, line and key."""

from pathlib import Path

import pytest

from teleward_gateway.__main__ import main
from teleward_gateway.settings.load import SettingsError, load, locate, parse
from teleward_gateway.settings.model import Settings
from teleward_signal.model import Provenance

GOOD = """\
[gateway]
name = "clinic-1"
mode = "simulated"

[radio]
adapter = "virtual:unix:/run/air.sock"

[[subjects]]
id = "anna"
bed = "bed-1"

[[devices]]
id = "strap"
driver = "heart-rate"
address = "C0:00:00:00:00:01"
subject = "anna"
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(text, "t.toml")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_good_file_is_typed() -> None:
    settings = parse(GOOD)
    assert settings.gateway.mode is Provenance.SIMULATED
    assert settings.devices[0].subject == "anna"
    assert settings.journal.commit_interval_s == 1.0


def test_an_empty_file_means_the_defaults() -> None:
    settings = parse("")
    assert settings.api.host == "127.0.0.1"
    assert settings.gateway.mode is Provenance.FIELD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[api]\nprot = 1\n", "t.toml:2: api.prot: no such key; did you mean 'port'?"),
        ("[[devices]]\nid='a'\ndriver='no'\nport='x'\n", "t.toml:3: devices[0].driver: no driver"),
        ("\n[journal]\ncommit_interval_s = 9\n", "t.toml:3: journal.commit_interval_s:"),
        ("[api]\nhost = '0.0.0.0'\n", "t.toml:2: api.host: '0.0.0.0': [api] is for this machine"),
        ("[gateway]\nname = 'A b'\n", "t.toml:2: gateway.name: 'A b': use lower-case"),
        ("[radio]\nadapter = 'usb'\n", "t.toml:2: radio.adapter: 'usb' is none of bluez"),
        ("[signal]\ntick_ms = 5\n", "t.toml:2: signal.tick_ms:"),
        ("[gateway]\nname = \n", "t.toml:2: gateway: name has no value"),
        ("[[subjects]]\nid='a'\n[[subjects]]\nid='b'\nbett=1\n", "t.toml:5: subjects[1].bett:"),
        ("[mqtt]\nhots = 'x'\n", "t.toml:2: mqtt.hots: no such key; did you mean 'host'?"),
        ("[[subjects]]\nid='a'\n[subjects.limits.metrics.spo2]\nlow=200\nvery_low=201\n",
         "t.toml:3: subjects[0].limits"),
    ],
)  # fmt: skip
def test_mistakes_are_named(text: str, expected: str) -> None:
    [found] = mistakes(text)
    assert found.startswith(expected)


def test_all_mistakes_at_once() -> None:
    found = mistakes("[api]\nport = 'x'\nhots = 1\n[nothing]\na = 1\n")
    assert [line.split(":")[1] for line in found] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("subject = \"anna\"", "subject = \"eva\""), "no subject has id 'eva'"),
        (("mode = \"simulated\"", "mode = \"field\""), "set gateway.mode = \"simulated\""),
        (("address = \"C0:00:00:00:00:01\"", "port = \"/dev/ttyUSB0\""), "needs address"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(change: tuple[str, str], expected: str) -> None:
    [found] = mistakes(GOOD.replace(*change))
    assert expected in found


def test_a_name_used_twice() -> None:
    again = GOOD[GOOD.index("[[devices]]") :]
    [found] = mistakes(GOOD + again)
    assert found.startswith("t.toml:18: devices[1].id: device id used twice: strap")


def test_a_missing_file_is_a_mistake_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "none.toml")


def test_lines_of_tables_and_dotted_keys() -> None:
    lines = locate('a.b = 1\n[x]\n"q z" = 2\n[[y]]\n[[y]]\nk = 3\n[y.sub]\nm = 4\n')
    assert lines[("a", "b")] == 1
    assert lines[("x", "q z")] == 3
    assert lines[("y", 1, "k")] == 6
    assert lines[("y", 1, "sub", "m")] == 8


def test_the_command_line_checks_and_prints_the_schema(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "teleward.toml"
    file.write_text(GOOD)
    assert main(["config", "check", str(file)]) == 0
    assert "1 subjects, 1 devices" in capsys.readouterr().out
    file.write_text("[api]\nprot = 1\n")
    assert main(["config", "check", str(file)]) == 1
    assert f"{file}:2: api.prot" in capsys.readouterr().err
    assert main(["config", "schema"]) == 0
    assert '"commit_interval_s"' in capsys.readouterr().out


def test_every_key_is_described() -> None:
    schema = Settings.model_json_schema()
    without = [
        f"{section}.{key}"
        for section, table in schema["$defs"].items()
        for key, value in table.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert without == []
