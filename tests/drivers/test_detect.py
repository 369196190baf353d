"""Serial devices are recognised by listening; a port in use is left alone; silence is silence."""

import os
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from teleward_drivers.catalogue import catalogue
from teleward_drivers.detect import PortState, detect
from teleward_drivers.serial_link import SerialLink
from teleward_simulators.sources import make_source
from teleward_simulators.wired.cms50d import Cms50d
from teleward_simulators.wired.framed_serial import FramedSerial
from teleward_simulators.wired.nonin import Nonin

DRIVERS = [catalogue()["cms50d"], catalogue()["framed-serial"], catalogue()["nonin"]]
LISTEN_S = 1.0


@pytest.fixture
async def patch(tmp_path: Path) -> AsyncIterator[FramedSerial]:
    device = FramedSerial(make_source("simple:steady"), tmp_path / "usb-SIM_patch-if00-port0")
    await device.start()
    yield device
    await device.stop()


@pytest.fixture
async def oximeter(tmp_path: Path) -> AsyncIterator[Cms50d]:
    source = make_source("simple:steady")
    source.waveform("pleth", 60.0, 0, 60)  # compiled now, not while the test listens
    device = Cms50d(source, tmp_path / "usb-SIM_CMS50D-if00-port0")
    await device.start()
    yield device
    await device.stop()


async def test_streaming_device_is_recognised_among_others(tmp_path: Path) -> None:
    device = Nonin(make_source("simple:steady"), tmp_path / "usb-SIM_Nonin-if00-port0")
    await device.start()
    found = await detect(device.address, DRIVERS)
    await device.stop()
    assert (found.state, found.driver) == (PortState.FOUND, "nonin")
    assert found.settings is not None
    assert found.settings.baudrate == 9600


async def test_patch_is_recognised_when_asked(patch: FramedSerial) -> None:
    found = await detect(patch.address, [DRIVERS[2], *DRIVERS[:2]], ask=True)
    assert (found.state, found.driver) == (PortState.FOUND, "framed-serial")
    assert found.settings is not None
    assert found.settings.baudrate == 115200


async def test_device_that_waits_to_be_asked_is_silent_until_asked(oximeter: Cms50d) -> None:
    quiet = await detect(oximeter.address, DRIVERS[:1], listen_s=LISTEN_S)
    assert quiet.state is PortState.SILENT
    assert oximeter.sent == 0
    found = await detect(oximeter.address, DRIVERS[:1], ask=True, listen_s=LISTEN_S)
    assert (found.state, found.driver) == (PortState.FOUND, "cms50d")


async def test_port_in_use_is_left_alone(patch: FramedSerial) -> None:
    link = await SerialLink.open(patch.address, DRIVERS[2].serial)  # type: ignore[arg-type]
    found = await detect(patch.address, DRIVERS, listen_s=LISTEN_S)
    assert found.state is PortState.IN_USE
    assert not patch.port.speaks_alike()  # the baud rate of the program that has it stays
    await link.close()


async def test_noise_is_no_device(tmp_path: Path) -> None:
    """Bytes at a baud rate that no driver has: what a wrong rate makes of a stream."""
    device = FramedSerial(make_source("simple:steady"), tmp_path / "usb-noise")
    device.port.baudrate = 57600
    await device.start()
    serial = [info for info in catalogue().values() if info.serial is not None]
    found = await detect(device.address, serial, listen_s=LISTEN_S)
    await device.stop()
    assert found.state is PortState.UNKNOWN
    assert "no driver understands" in found.detail


async def test_missing_port_is_missing(tmp_path: Path) -> None:
    found = await detect(str(tmp_path / "usb-none"), DRIVERS, listen_s=LISTEN_S)
    assert found.state is PortState.MISSING


async def test_silent_port_gets_not_one_byte() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    found = await detect(os.ttyname(slave), DRIVERS, listen_s=0.2)
    os.set_blocking(master, False)
    with pytest.raises(BlockingIOError):
        os.read(master, 1)
    assert found.state is PortState.SILENT
    os.close(master)
    os.close(slave)
