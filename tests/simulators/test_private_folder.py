"""Where simulated ports and the radio lie when nobody names a folder."""

import stat
import tempfile
from pathlib import Path

import pytest

from teleward_simulators.fleet import DeviceSpec, Fleet
from teleward_simulators.private_folder import private_folder


@pytest.mark.parametrize("held_by", ["nobody", "a link", "a file of others", "a shared folder"])
def test_no_other_user_reaches_it(
    tmp_path: Path, held_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    usual = private_folder()
    usual.rmdir()
    if held_by == "a link":
        (tmp_path / "elsewhere").mkdir()
        usual.symlink_to(tmp_path / "elsewhere")
    elif held_by == "a shared folder":
        usual.mkdir()
        usual.chmod(0o777)
    elif held_by == "a file of others":
        usual.write_text("")
    found = private_folder()
    assert (found == usual) == (held_by == "nobody")
    assert stat.S_ISDIR(found.lstat().st_mode)
    assert stat.S_IMODE(found.lstat().st_mode) == 0o700


async def test_a_fleet_without_a_folder_has_its_ports_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    fleet = Fleet([DeviceSpec("cms50d")])
    await fleet.start()
    (port,) = map(Path, fleet.devices)
    assert port.is_symlink()
    assert port.parent == tmp_path / "teleward" / "ports"
    assert stat.S_IMODE((tmp_path / "teleward").stat().st_mode) == 0o700
    await fleet.stop()
    assert not port.parent.exists()
