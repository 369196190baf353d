"""What a driver is: a pure state machine from received bytes to values and commands.

    session                                   driver
      |  start(now_ns)                          |   after every (re)connect
      |<----------- commands (subscribe, write) |
      |  feed(received)                         |   whatever arrives, in whatever pieces
      |<----------- outputs (blocks, readings,  |
      |             status, discarded, commands)|
      |  tick(now_ns)                           |   about once a second: keep-alives, silence
      |<----------- outputs                     |

A driver never raises on bad bytes: it returns `Discarded`. `Resumable`, `Confirming` and `Ending`
are for drivers of devices with a memory, `Episodic` for one driver of two kinds of device; most
drivers need none of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

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


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Ask for a call of `Confirming.recorded` once all outputs so far are on disk.

    A session that cannot confirm never answers, and nothing is erased.
    """


Command = Subscribe | Request | Write | Checkpoint
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


@dataclass(frozen=True, slots=True)
class LastRecord:
    """The newest record of a device's memory that is on record: number and calendar stamp."""

    record: int
    calendar_ns: int | None = None


@runtime_checkable
class Resumable(Protocol):
    """A driver that reads a memory from a record on instead of as a whole."""

    def resume(self, last: LastRecord) -> None:
        """Take what is on record already; call it before `Driver.start`."""
        ...


@runtime_checkable
class Confirming(Protocol):
    """A driver that must know when its outputs are on disk, before it erases a memory."""

    def recorded(self) -> Iterable[Output]:
        """Return what to do now that everything up to the last `Checkpoint` is on disk."""
        ...


@runtime_checkable
class Ending(Protocol):
    """A driver that holds values back for a moment, e.g. until their context came."""

    def end(self) -> Iterable[Output]:
        """Return the values held back; called when the link has ended."""
        ...


@runtime_checkable
class Episodic(Protocol):
    """A driver whose devices differ: some stream, others speak only when they have measured."""

    @property
    def is_episodic(self) -> bool:
        """Whether the device of this link is one that speaks only when it has measured."""
        ...

    def refused(self, channel: str) -> None:
        """Take note that the device has no such channel, or refuses it."""
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
    dead (0 = the device speaks only when it has something to say). ``broadcast`` devices are read
    from their advertisements, never connected to. ``commands`` are what a person
    may order, e.g. ``measure``, ``identify``; a driver with commands has
    ``command(name, **arguments) -> Iterable[Output]``. ``rates`` returns the sampling rate in Hz of
    each waveform that the options fix, so that a settings file can be checked before it is used.
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
    broadcast: bool = False
    commands: frozenset[str] = frozenset()
    options: dict[str, str] = field(default_factory=dict)
    rates: Callable[[dict[str, Any]], dict[str, float]] | None = None
