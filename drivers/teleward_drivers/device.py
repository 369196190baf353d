"""What a driver is: a pure state machine from received bytes to values and commands.

    session                                   driver
      |  start(now_ns)                          |   after every (re)connect
      |<----------- commands (subscribe, write) |
      |  feed(received)                         |   whatever arrives, in whatever pieces
      |<----------- outputs (blocks, readings,  |
      |             status, discarded, commands)|
      |  tick(now_ns)                           |   about once a second: keep-alives, silence
      |<----------- outputs                     |

A driver never raises on bad bytes: it returns `Discarded`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from teleward_drivers.link import Received
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock


@dataclass(frozen=True, slots=True)
class Discarded:
    """Bytes that were not used, and why: ``checksum``, ``resync``, ``length``, ``duplicate`` ..."""

    n_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for notifications; a device without the channel is an error unless ``optional``."""

    channel: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """Read a characteristic once; the answer arrives through `Driver.feed`."""

    channel: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Send bytes to the device."""

    data: bytes
    channel: str = ""
    response: bool = True
    optional: bool = False


Command = Subscribe | Request | Write
Output = SampleBlock | Measurement | DeviceStatus | Discarded | Command


class Driver(Protocol):
    """One device's protocol for one connected stretch of its life (made again at each connect)."""

    def start(self, now_ns: int) -> Iterable[Output]:
        """Return what to do after connecting; ``now_ns`` is UTC, for devices whose clock we set."""
        ...

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in and return what they mean."""
        ...

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Return what is due by time alone."""
        ...


class LinkType(StrEnum):
    """What a driver's device is attached by."""

    BLE = "ble"
    SERIAL = "serial"


class Verification(StrEnum):
    """How sure we are of a driver."""

    CAPTURE = "capture-verified"
    """Tested against bytes recorded from a real device."""
    SPEC = "spec-verified"
    """Tested against vectors of a public specification."""
    SIMULATOR = "simulator-only"
    """Tested against our own simulator only."""


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a serial port must be opened."""

    baudrate: int
    parity: str = "N"
    bytesize: int = 8
    stopbits: int = 1


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """How a driver is found, chosen and made.

    ``services`` and ``names`` recognise a BLE advertisement (name prefixes), ``usb_ids`` a serial
    adapter (``"vid:pid"``, lower-case hex). ``silence_s``: no bytes for so long means the link is
    dead (0 = the device speaks only when it has something to say). ``commands`` are what a person
    may order, e.g. ``measure``, ``identify``; a driver with commands has
    ``command(name, **arguments) -> Iterable[Output]``.
    """

    name: str
    title: str
    link: LinkType
    verification: Verification
    source: str
    make: Callable[[dict[str, Any]], Driver]
    metrics: frozenset[str]
    services: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    usb_ids: frozenset[str] = frozenset()
    serial: SerialSettings | None = None
    silence_s: float = 10.0
    commands: frozenset[str] = frozenset()
    options: dict[str, str] = field(default_factory=dict)
