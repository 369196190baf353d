"""A bedside module: one ECG (or more waves) over serial in our framed protocol, 115200 8N1."""

from typing import Any

from teleward_simulators.framed_device import FramedDevice
from teleward_simulators.wired.serial_device import SerialDevice


class _Engine(FramedDevice):
    def set_probe(self, off: bool) -> None:
        """Take the electrodes off or put them back."""
        self.body.probe_off = off

    def set_battery(self, percent: int) -> None:
        """Set the charge."""
        self.body.battery_percent = percent


class FramedSerial(SerialDevice):
    """Options: ``waves`` {metric: Hz} (default ECG II at 250 Hz), ``numerics`` [metric]."""

    kind = "framed-serial"
    title = "ECG module"
    tick_s = 0.1

    def make_engine(self) -> _Engine:
        waves: dict[str, Any] = self.options.get("waves", {"ecg_ii": 250.0})
        return _Engine(
            self.source,
            self.serial,
            self.title,
            {metric: float(fs) for metric, fs in waves.items()},
            tuple(self.options.get("numerics", ())),
        )
