"""Names of gateways whose settings give none."""

import socket
from pathlib import Path

import pytest

from teleward_gateway.settings.gateway_name import with_name
from teleward_gateway.settings.load import parse
from teleward_gateway.settings.model import Settings


def settings(folder: Path, name: str = "") -> Settings:
    named = f'name = "{name}"\n' if name else ""
    return parse(f'[gateway]\n{named}data_folder = "{folder}"\n')


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("raspberrypi", "raspberrypi-"),
        ("localhost.localdomain", "localhost-localdomain-"),
        ("Ward Ü 3", "ward-3-"),
        ("3f2a9c81d7e4", "3f2a9c81d7e4-"),
        ("-.-", "gateway-"),
        ("x" * 64, "x" * 48 + "-"),
    ],
)
def test_two_machines_of_one_host_name_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, start: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    first, second = (with_name(settings(tmp_path / n)).gateway.name for n in "ab")
    assert first != second
    assert first.startswith(start)
    assert parse(f'[gateway]\nname = "{first}"\n').gateway.name == first


def test_the_name_stays_over_starts_and_other_host_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has another host name each time that it is made."""
    first = with_name(settings(tmp_path)).gateway.name
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    assert with_name(settings(tmp_path)).gateway.name == first


def test_a_name_that_is_set_is_kept(tmp_path: Path) -> None:
    assert with_name(settings(tmp_path, "raspberrypi")).gateway.name == "raspberrypi"
    assert not (tmp_path / "field").exists()


def test_a_disk_that_keeps_nothing_gives_one_name_over_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    names = {with_name(settings(tmp_path / "file")).gateway.name for _ in range(3)}
    assert len(names) == 1


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    with_name(settings(tmp_path))
    (tmp_path / "field" / "gateway-name").write_bytes(b"\xff\x00../x")
    name = with_name(settings(tmp_path)).gateway.name
    assert with_name(settings(tmp_path)).gateway.name == name
