"""Our framed protocol over a serial port, such as an Arduino: 115200 baud, 8N1.

Frames: `teleward_drivers.framed`; messages: `drivers/PROTOCOL.md`. Opening the port resets many
boards and boot text comes first: it is skipped and counted.
"""

from teleward_drivers.device import DriverInfo, LinkType, SerialSettings, Verification, Write
from teleward_drivers.framed_codes import METRIC_CODES
from teleward_drivers.framed_driver import COMMANDS, FramedDriver
from teleward_drivers.light_sensors import SENSOR_OPTION, with_sensor
from teleward_signal.calibration import Calibration


def make(calibration: Calibration | None = None) -> FramedDriver:
    """Return a driver; ``calibration`` belongs to the sensor of red light, if there is one."""
    return FramedDriver(Write, calibration)


DRIVER = DriverInfo(
    name="framed-serial",
    title="Teleward framed protocol over a serial port",
    link=LinkType.SERIAL,
    verification=Verification.SPEC,
    source="drivers/PROTOCOL.md, golden vectors shared with the C firmware",
    make=with_sensor("framed-serial", make),
    metrics=frozenset(METRIC_CODES),
    usb_ids=frozenset({"2341:0043", "2341:0042", "2341:8036"}),
    serial=SerialSettings(115200),
    commands=COMMANDS,
    options=SENSOR_OPTION,
)
