"""Nordic UART service carrying our framed protocol, such as an ESP32 or nRF52 sketch.

    6e400001-b5a3-f393-e0a9-e50e24dcca9e  service
    6e400002-...                          RX: the host writes commands, at most 20 bytes a write
    6e400003-...                          TX: the device notifies; frames may split anywhere

Frames: `teleward_drivers.framed`; messages: `drivers/PROTOCOL.md`.
"""

from collections.abc import Iterable
from typing import Any

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.device import (
    DriverInfo,
    LinkType,
    Output,
    Subscribe,
    Verification,
    Write,
)
from teleward_drivers.framed_codes import METRIC_CODES
from teleward_drivers.framed_driver import COMMANDS, FramedDriver
from teleward_drivers.gatt import GattDriver, Part
from teleward_drivers.light_sensors import SENSOR_OPTION, with_sensor
from teleward_drivers.link import Received
from teleward_signal.calibration import Calibration

SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
RX = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
TX = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"


class FramedUart(Part):
    """The framed protocol as a part of a BLE device."""

    def __init__(self, calibration: Calibration | None = None) -> None:
        super().__init__()
        self._driver = FramedDriver(lambda data: Write(data, RX, response=True), calibration)
        self.handlers = {TX: self._feed}

    def start(self, now_ns: int) -> Iterable[Output]:
        """Listen, then greet the device."""
        yield Subscribe(TX)
        yield from self._driver.start(now_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Ask again when the device stays silent."""
        return self._driver.tick(now_ns)

    def command(self, name: str, **arguments: Any) -> Iterable[Output]:
        """Carry out a command of the framed protocol."""
        return self._driver.command(name, **arguments)

    def _feed(self, received: Received) -> Iterable[Output]:
        return self._driver.feed(received)


def make(calibration: Calibration | None = None) -> GattDriver:
    """Return a driver; ``calibration`` belongs to the sensor of red light, if there is one."""
    return GattDriver([FramedUart(calibration), *battery_parts()])


DRIVER = DriverInfo(
    name="framed-uart",
    title="Teleward framed protocol over Nordic UART",
    link=LinkType.BLE,
    verification=Verification.SPEC,
    source="drivers/PROTOCOL.md, golden vectors shared with the C firmware",
    make=with_sensor("framed-uart", make),
    metrics=frozenset(METRIC_CODES),
    services=frozenset({SERVICE}),
    commands=COMMANDS,
    options=SENSOR_OPTION,
)
