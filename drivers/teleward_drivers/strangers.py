"""Known devices that cannot be read yet, by the name they advertise, and why.

A service match would offer them a driver that connects and never receives a value: a PC-60F offers
the UART service of our own protocol, a FORA the Health Thermometer service. Names go first.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stranger:
    """A family of devices: name prefixes, what they are, why they cannot be read."""

    names: tuple[str, ...]
    title: str
    reason: str

    @property
    def note(self) -> str:
        """The sentence for people who look for their device."""
        return f"{self.title}: not readable yet ({self.reason})"


NO_DRIVER = "its protocol is known, a driver is not written"
KEYS = "it exchanges keys that its maker does not publish"
CLOSED = "its maker publishes no protocol"

STRANGERS = (
    Stranger(("O2Ring S", "O2Ring-S", "S8-AW"), "Wellue O2Ring-S", KEYS),
    Stranger(("BP2", "LP-BP2"), "Viatom BP2 cuff", NO_DRIVER),
    Stranger(("ER1", "ER2", "DuoEK", "VBeat"), "Viatom ECG recorder", NO_DRIVER),
    Stranger(("iP900", "iP90", "500E"), "ChoiceMMed oximeter", "no capture of it is public"),
    Stranger(("SpO208", "SpO209"), "Contec oximeter of a newer firmware", KEYS),
    Stranger(("CMS50D-BT", "SpO202", "SpO206"), "Contec CMS50D-BT", NO_DRIVER),
    Stranger(("BLESmart_",), "Omron cuff", "it keeps its readings in a memory of its own"),
    Stranger(("YX", "BLT_M70C", "BLT_"), "Yuwell or BLT oximeter", NO_DRIVER),
    Stranger(("AOJ-20A",), "AOJ-20A thermometer", NO_DRIVER),
    Stranger(("JKS50F", "JK50F"), "JKS50F oximeter", "no capture of it is public"),
    Stranger(("KardiaMobile", "Kardia"), "AliveCor KardiaMobile", CLOSED),
    Stranger(("OneTouch",), "OneTouch meter", CLOSED),
)


def stranger(name: str | None) -> Stranger | None:
    """Return the known device of an advertised name that no driver can read, if it is one."""
    shown = (name or "").lower()
    if not shown:
        return None
    for known in STRANGERS:
        if any(shown.startswith(prefix.lower()) for prefix in known.names):
            return known
    return None
