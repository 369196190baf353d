"""Starting: what is kept is private, and what hinders a start is one clear line."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from teleward_drivers.radio import Radio
from teleward_gateway.app import Gateway
from teleward_gateway.process.startup import StartError, prepare_folder
from teleward_gateway.registry import Registry
from teleward_gateway.settings.load import parse
from teleward_signal.model import Provenance


async def no_radio(adapter: str) -> Radio:
    return Radio(adapter)


def test_what_is_kept_is_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "field"
    folder.mkdir(parents=True, mode=0o755)
    prepare_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_registry_of_a_later_version_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "field"
    folder.mkdir()
    registry = Registry(folder / "registry.sqlite", Provenance.FIELD)
    registry._connection.execute("UPDATE meta SET value = '99' WHERE key = 'version'")
    registry.close()
    settings = f'[gateway]\nname = "g"\ndata_folder = "{tmp_path}"\n[api]\nport = 0\n'
    with pytest.raises(StartError, match="upgrade Teleward"):
        await Gateway(parse(settings), no_radio).run()


def test_without_the_simulators_libraries_the_demo_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['bumble'] = None; "
        "from teleward_gateway.__main__ import main; sys.exit(main(['demo']))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("teleward: this needs bumble: pip install")
