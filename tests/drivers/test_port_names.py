"""Names of serial ports: what may be opened, and that looking opens nothing."""

import os
from pathlib import Path

import pytest

from teleward_drivers.device import SerialSettings
from teleward_drivers.errors import DeviceNotFound, LinkUnavailable
from teleward_drivers.port_names import check_local, check_name
from teleward_drivers.serial_link import SerialLink
from teleward_signal.errors import Invalid

GOOD = [
    "/dev/ttyUSB0",
    "COM3",
    "socket://10.0.0.7:4001",
    "socket://[::1]:4001",
    "rfc2217://port-server.local:2217",
    "rfc2217://10.0.0.7:2217?ign_set_control&timeout=3",
]
HOSTILE = [
    "spy:///dev/null?file={0}/victim",
    "SPY:///dev/null?file={0}/victim",
    "alt:///dev/null?class=PosixPollSerial",
    "hwgrep://ttyUSB",
    "loop://",
    "loop://?logging=debug",
    "cp2110://",
    "file://{0}/victim",
    "http://169.254.169.254:80",
    "socket://user@host:1",
    "socket://host:1/../..",
    "socket://host:1?file={0}/victim",
    "rfc2217://host:1?logging=debug&file={0}/victim",
    "socket://host",
    "rfc2217://h:1\r\nX: y",
    "/dev/tty\0",
]
NO_LINES = ["{0}/victim", "{0}", "/dev/zero", "/dev/null", "/dev/random", "/dev/ptmx", "/dev/tty"]


@pytest.mark.parametrize("port", GOOD)
def test_usual_names_are_taken(port: str) -> None:
    assert check_name(port) == port


@pytest.mark.parametrize("port", [*HOSTILE, *NO_LINES])
async def test_hostile_names_open_nothing(port: str, tmp_path: Path) -> None:
    """pyserial's ``spy://`` emptied any file of this user."""
    victim = tmp_path / "victim"
    victim.write_text("a journal")
    named = port.format(tmp_path)
    with pytest.raises((LinkUnavailable, DeviceNotFound)):
        await SerialLink.open(named, SerialSettings(9600))
    if port in HOSTILE:
        with pytest.raises(Invalid):
            check_name(named)
    assert victim.read_text() == "a journal"
    assert os.listdir(tmp_path) == ["victim"]


def test_a_pseudo_terminal_and_a_link_to_it_are_lines(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        link = tmp_path / "usb-SIM"
        link.symlink_to(os.ttyname(slave))
        assert check_local(str(link)) == str(link)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("port", ["socket://127.0.0.1:1", "rfc2217://127.0.0.1:1"])
def test_a_port_on_the_network_is_not_local(port: str) -> None:
    with pytest.raises(Invalid, match="settings file"):
        check_local(port)
