"""Options of a device that belong to its session; all others go to its driver."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from teleward_drivers.device import SerialSettings
from teleward_signal.errors import Invalid

DESCRIPTIONS = {
    "silence_s": "seconds without a byte after which the link is reconnected; 0: never",
    "baudrate": "baud rate of the port, when it differs from the driver's",
    "parity": "N, E or O, when it differs from the driver's",
    "passkey": "the six digits printed on the device, if pairing asks for them",
    "pair": "true: pair before anything else, for devices that stay silent until they are bonded",
    "repair_bond": "false: ask a person before pairing again with a device that lost its bond",
}


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What the session itself obeys; None leaves the driver's own."""

    silence_s: float | None = None
    baudrate: int | None = None
    parity: str | None = None
    passkey: int | None = None
    pair: bool = False
    repair_bond: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "SessionOptions":
        """Read and check; raises ValueError naming the option."""
        own = {name: value for name, value in options.items() if name in DESCRIPTIONS}
        made = cls(**own)
        _check("silence_s", made.silence_s, (int, float), lambda v: v >= 0, "seconds, 0 or more")
        _check("baudrate", made.baudrate, (int,), lambda v: v > 0, "a positive whole number")
        _check("parity", made.parity, (str,), lambda v: v in ("N", "E", "O"), "N, E or O")
        _check("passkey", made.passkey, (int,), lambda v: 0 <= v <= 999_999, "six digits")
        _check("pair", made.pair, (bool,), lambda v: True, "true or false")
        _check("repair_bond", made.repair_bond, (bool,), lambda v: True, "true or false")
        return made

    @property
    def pairs_first(self) -> bool:
        """Return whether to pair right after connecting."""
        return self.pair or self.passkey is not None

    def serial(self, settings: SerialSettings) -> SerialSettings:
        """Return the driver's ``settings`` with what differs."""
        changes: dict[str, Any] = {}
        if self.baudrate is not None:
            changes["baudrate"] = self.baudrate
        if self.parity is not None:
            changes["parity"] = self.parity
        return replace(settings, **changes)


def driver_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are the driver's."""
    return {name: value for name, value in options.items() if name not in DESCRIPTIONS}


def _check(name: str, value: Any, types: tuple[type, ...], fits: Any, wanted: str) -> None:
    if value is None:
        return
    wrong_bool = isinstance(value, bool) and bool not in types
    if wrong_bool or not isinstance(value, types) or not fits(value):
        raise Invalid(f"option {name} must be {wanted}, not {value!r}")
