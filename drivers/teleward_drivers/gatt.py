"""Put a BLE driver together from parts, each of which knows some characteristics.

    GattDriver([HeartRate(), Battery(), DeviceInformation()])

A part says what to do after connecting, and decodes the values of its channels; `GattDriver` hands
each value to the part that knows its channel and turns malformed values into `Discarded`. Every
`DeviceStatus` carries all faults that the device has at that moment.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from teleward_drivers.device import Discarded, LastRecord, Output, Request, Subscribe
from teleward_drivers.fields import Fields, Malformed
from teleward_drivers.link import Received
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus


def uuid16(short: int) -> str:
    """Return the 128-bit UUID of a 16-bit one of the Bluetooth SIG, in lower case."""
    return f"0000{short:04x}-0000-1000-8000-00805f9b34fb"


TWICE_NS = 100_000_000
"""Hosts deliver a notification twice within a few ms; no device repeats a value so soon."""
Handler = Callable[[Received], Iterable[Output]]


class Part:
    """A service of a BLE device; subclasses fill `handlers` and define how to start.

    ``values`` are channels with a whole value a notification, each of which counts once.
    """

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.values: frozenset[str] = frozenset()

    def start(self, now_ns: int) -> Iterable[Output]:
        """Return what to do after connecting."""
        return ()

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Return what is due by time alone."""
        return ()

    def command(self, name: str, **arguments: Any) -> Iterable[Output] | None:
        """Carry out a command, or return ``None`` when it is not one of this part's."""
        return None

    def resume(self, last: LastRecord) -> None:
        """Take the newest record that is on record already; before `start`."""

    def recorded(self) -> Iterable[Output]:
        """Return what to do now that all outputs up to the last checkpoint are on disk."""
        return ()

    def end(self) -> Iterable[Output]:
        """Return the values held back, when the link has ended."""
        return ()

    @property
    def is_episodic(self) -> bool:
        """Whether the device is known to speak only when it has measured."""
        return False

    def refused(self, channel: str) -> None:
        """Take note that the device has no such channel, or refuses it."""


class GattDriver:
    """A driver made of parts, in their order."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)
        self._handlers: dict[str, Handler] = {}
        self._faults: dict[str, frozenset[str]] = {}
        self._once: dict[str, Received | None] = {}
        for part in self._parts:
            self._handlers.update(part.handlers)
            self._once.update(dict.fromkeys(part.values))

    def start(self, now_ns: int) -> Iterable[Output]:
        """Start every part."""
        for part in self._parts:
            yield from part.start(now_ns)

    def feed(self, received: Received) -> Iterable[Output]:
        """Decode one value; the driver never raises on bad bytes."""
        handler = self._handlers.get(received.channel)
        if handler is None:
            return (Discarded(len(received.data), "unknown_channel"),)
        if self._is_repeat(received):
            return (Discarded(len(received.data), "duplicate"),)
        try:
            return tuple(self._whole(handler(received), received.channel))
        except Malformed as error:
            return (Discarded(len(received.data), str(error)),)
        except struct.error:
            return (Discarded(len(received.data), "truncated"),)

    def _is_repeat(self, received: Received) -> bool:
        """Return whether a value is the same notification again, delivered twice by the host."""
        if received.channel not in self._once:
            return False
        last = self._once[received.channel]
        self._once[received.channel] = received
        if last is None or last.data != received.data:
            return False
        return received.monotonic_ns - last.monotonic_ns < TWICE_NS

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Run whatever is due in every part."""
        for part in self._parts:
            yield from self._whole(part.tick(now_ns), str(id(part)))

    def _whole(self, outputs: Iterable[Output], speaker: str) -> Iterable[Output]:
        """Give every status the faults of all channels: each part knows only its own."""
        for output in outputs:
            if isinstance(output, DeviceStatus):
                self._faults[speaker] = output.faults
                output = replace(output, faults=frozenset().union(*self._faults.values()))
            yield output

    def resume(self, last: LastRecord) -> None:
        """Hand what is on record already to every part."""
        for part in self._parts:
            part.resume(last)

    def recorded(self) -> Iterable[Output]:
        """Resume every part after a checkpoint."""
        for part in self._parts:
            yield from part.recorded()

    @property
    def is_episodic(self) -> bool:
        """Whether a part knows that the device speaks only when it has measured."""
        return any(part.is_episodic for part in self._parts)

    def refused(self, channel: str) -> None:
        """Hand on to every part that the device has no such channel."""
        for part in self._parts:
            part.refused(channel)

    def end(self) -> Iterable[Output]:
        """Return what the parts held back when the link ended."""
        for part in self._parts:
            yield from part.end()

    def command(self, name: str, **arguments: Any) -> Iterable[Output]:
        """Give an order to the part that knows it."""
        for part in self._parts:
            outputs = part.command(name, **arguments)
            if outputs is not None:
                return outputs
        raise Invalid(f"this device has no command {name!r}")


def count_trailing(fields: Fields) -> Iterable[Discarded]:
    """Count the bytes after the announced fields: kept in the detail of the value, not used."""
    if fields.left:
        yield Discarded(fields.left, "trailing_bytes")


class Simple(Part):
    """A part that subscribes to some channels and reads others once after connecting."""

    def __init__(
        self,
        subscribe: dict[str, Handler],
        read: dict[str, Handler] | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__()
        self.handlers = {**(read or {}), **subscribe}
        self._subscribe = tuple(subscribe)
        self._read = tuple(read or {})
        self._optional = optional

    def start(self, now_ns: int) -> Iterable[Output]:
        """Subscribe first: some devices send their stored readings at once and hang up."""
        for channel in self._subscribe:
            yield Subscribe(channel, self._optional)
        for channel in self._read:
            yield Request(channel, optional=True)
