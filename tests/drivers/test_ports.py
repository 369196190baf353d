"""Ports are named by what does not change: by-id, or the socket where adapters share a number."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from teleward_drivers.ports import in_use, is_same_port, ports, stable_names


def adapter(device: str, number: str) -> SimpleNamespace:
    """Return a USB adapter as pyserial lists it."""
    return SimpleNamespace(
        device=device, vid=0x10C4, pid=0xEA60, serial_number=number, description="CP2102"
    )


@pytest.fixture
def udev(tmp_path: Path) -> tuple[Path, Path]:
    """Two adapters with links as udev makes them."""
    by_id, by_path = tmp_path / "by-id", tmp_path / "by-path"
    for folder in (by_id, by_path):
        folder.mkdir()
    for number in (0, 1):
        (tmp_path / f"ttyUSB{number}").touch()
        (by_path / f"usb-0:1.{number}").symlink_to(tmp_path / f"ttyUSB{number}")
    (by_id / "usb-FTDI_A1-if00-port0").symlink_to(tmp_path / "ttyUSB0")
    (by_id / "usb-CP2102_0001-if00-port0").symlink_to(tmp_path / "ttyUSB1")
    return by_id, by_path


def test_adapter_with_a_number_of_its_own_goes_by_id(
    udev: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [adapter(str(tmp_path / "ttyUSB0"), "A1"), adapter(str(tmp_path / "ttyUSB1"), "0001")]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: listed)
    own, shared = sorted(ports(*udev), key=lambda port: port.device)
    assert own.path.endswith("usb-FTDI_A1-if00-port0")
    assert own.usb_id == "10c4:ea60"
    assert not own.shares_its_name
    assert shared.path.endswith("usb-0:1.1")
    assert shared.shares_its_name


def test_link_that_leads_nowhere_is_left_out(udev: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").unlink()
    assert list(stable_names(udev[0])) == [str(tmp_path / "ttyUSB1")]
    assert stable_names(tmp_path / "none") == {}


def test_two_names_of_one_port_are_one_port(udev: tuple[Path, Path], tmp_path: Path) -> None:
    by_id = str(udev[0] / "usb-FTDI_A1-if00-port0")
    assert is_same_port(by_id, str(tmp_path / "ttyUSB0"))
    assert in_use(str(tmp_path / "ttyUSB0"), [by_id, "socket://127.0.0.1:1"]) == by_id
    assert in_use(str(tmp_path / "ttyUSB1"), [by_id]) is None
    assert is_same_port("socket://a:1", "socket://a:1")


def test_this_machine_can_be_asked() -> None:
    assert all(os.path.isabs(port.path) for port in ports())
