"""Bedside modules over serial in our framed protocol, 115200 8N1; see `bedside_modules`."""

from typing import Any

from teleward_signal.errors import Invalid
from teleward_simulators.framed_device import NUMERICS_S
from teleward_simulators.wired.bedside_modules import (
    MODULES,
    DefibrillatorEngine,
    Events,
    Module,
)
from teleward_simulators.wired.serial_device import SerialDevice


class _Engine(DefibrillatorEngine):
    def set_probe(self, off: bool) -> None:
        """Take the electrodes off or put them back."""
        self.body.probe_off = off

    def set_battery(self, percent: int) -> None:
        """Set the charge."""
        self.body.battery_percent = percent


class FramedSerial(SerialDevice):
    """Options: ``module`` (ecg12, capnograph, arterial-line, fluids or defibrillator), else
    ``waves`` {metric: Hz} (default ECG II at 250 Hz) and ``numerics`` [metric]."""

    kind = "framed-serial"
    title = "ECG module"
    tick_s = 0.1

    def make_engine(self) -> _Engine:
        name = str(self.options.get("module", ""))
        module = _module(name) if name else self._own()
        engine = _Engine(
            self.source, self.serial, module.title, dict(module.waves), module.numerics,
            module.numerics_s, module.missing,
        )  # fmt: skip
        if name == "defibrillator":
            engine.events = Events(self.source)
        return engine

    def _own(self) -> Module:
        waves: dict[str, Any] = self.options.get("waves", {"ecg_ii": 250.0})
        rates = {metric: float(fs) for metric, fs in waves.items()}
        return Module(self.title, rates, tuple(self.options.get("numerics", ())), NUMERICS_S)


def _module(name: str) -> Module:
    if name not in MODULES:
        raise Invalid(f"no module {name!r}: there are {', '.join(MODULES)}")
    return MODULES[name]
