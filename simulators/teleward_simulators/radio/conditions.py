"""What decides how a device is received, and what it sends while it advertises."""

from dataclasses import dataclass

from bumble import hci, ll


@dataclass(slots=True)
class Conditions:
    """Reception of one device. Times in seconds, probabilities 0 to 1, signal strength in dBm."""

    rssi: int = -50
    rssi_walk: int = 0
    advertising_loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    out_of_range: bool = False
    refuse: bool = False
    silent: bool = False


@dataclass
class Advertisement(ll.AdvInd):
    """An advertisement together with what the device answers to a scan request."""

    scan_response: bytes = b""
    rssi: int = -50


def address_text(address: hci.Address) -> str:
    """Return ``address`` as bleak writes it, ``C0:00:00:00:00:01``."""
    return str(address.to_string(with_type_qualifier=False)).upper()
