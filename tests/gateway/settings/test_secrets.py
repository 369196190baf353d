"""Secrets of the settings: as text, by environment, by file, and never where all may read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from teleward_gateway.settings.load import SettingsError, load, parse
from teleward_gateway.settings.model import Settings

INFLUX = '[influx]\nurl = "http://127.0.0.1:8086"\ntoken = {}\n'


def token(settings: Settings) -> str:
    assert settings.influx is not None
    return settings.influx.token.get_secret_value()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return write


def test_a_secret_by_reference(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEWARD_TOKEN", "from-env")
    assert token(parse(INFLUX.format('{env = "TELEWARD_TOKEN"}'))) == "from-env"
    path = write("token", " from-file\n", 0o640)
    settings = parse(INFLUX.format(f'{{file = "{path}"}}'))
    assert token(settings) == "from-file"
    assert "from-file" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        ("secret", 0o644, "open to every user of this machine: chmod o="),
        ("secret", 0o602, "open to every user of this machine: chmod o="),
        ("", 0o600, "is empty"),
        ("x" * 5000, 0o600, "above 4096 bytes"),
        (b"\xff\xfe\x00", 0o600, "is no text"),
    ],
)
def test_a_file_that_keeps_no_secret_is_refused(
    write: Callable[..., Path], content: str | bytes, mode: int, problem: str
) -> None:
    path = write("token", content, mode)
    with pytest.raises(SettingsError, match=problem) as found:
        parse(INFLUX.format(f'{{file = "{path}"}}'))
    assert found.value.mistakes[0].line == 3
    assert found.value.mistakes[0].key == "influx.token"


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ('{env = "TELEWARD_NOT_SET"}', "the environment has no variable TELEWARD_NOT_SET"),
        ('{file = "/no/such/file"}', "/no/such/file: No such file"),
        ('{file = "/dev/zero"}', "/dev/zero is no file"),
        ('{file = "/"}', "/: Is a directory"),
        ('{env = "A", file = "/b"}', "write the secret as text"),
        ("{}", "write the secret as text"),
        ("{env = 3}", "write the secret as text"),
        ("3", "valid string"),
    ],
)
def test_a_reference_that_leads_nowhere(reference: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        parse(INFLUX.format(reference))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (INFLUX.format('"t"'), ["influx.token"]),
        ('[mqtt]\nhost = "h"\nusername = "u"\npassword = "p"\n', ["mqtt.password"]),
        (
            '[[remote_commands.users]]\nname = "ann"\nkey = "' + "k" * 40 + '"\n'
            'commands = ["identify"]\n',
            ["remote_commands.users[0].key"],
        ),
    ],
)
def test_a_secret_written_out_where_all_may_read_is_refused(
    write: Callable[..., Path], text: str, keys: list[str]
) -> None:
    with pytest.raises(SettingsError, match=r"chmod o= ") as found:
        load(write("open.toml", text, 0o644))
    assert [mistake.key for mistake in found.value.mistakes] == keys
    load(write("closed.toml", text, 0o640))


def test_settings_without_secrets_may_be_read_by_all(write: Callable[..., Path]) -> None:
    load(write("open.toml", '[gateway]\nname = "a"\n[influx]\ntoken = ""\n', 0o644))
    path = write("token", "t", 0o600)
    load(write("reference.toml", INFLUX.format(f'{{file = "{path}"}}'), 0o644))


def test_the_schema_knows_both_ways() -> None:
    schema = json.dumps(Settings.model_json_schema()["$defs"]["InfluxSettings"])
    assert '"env"' in schema
    assert '"file"' in schema
