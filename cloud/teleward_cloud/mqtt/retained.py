"""Retained messages: the newest status of each device, and which of them are out of date. Pure.

    record of a device --take--> newest --due--> {base}/device/{device}, retained
                                    ^
                  every connection begins with all of them: a broker may have forgotten

A status is published when it differs from what the broker has, and every minute so that its time
stays fresh. Devices that are no longer known get an empty message, which removes theirs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from teleward_signal.record import Record

SPARSE_REPEAT_S = 900.0
"""The same while the network's budget is used up."""
REPEAT_S = 60.0
"""How often an unchanged status is published again: its time shows that the device is there."""
_BURST = 32
"""Messages at once: the devices of an eight-bed ward, when it starts or reconnects."""
_PER_S = 0.25
"""Messages a second after that: device statuses may not cost more than the values do."""
MOST = 4096
"""Devices remembered; far more than a gateway serves."""


class Inventory(Protocol):
    """What a gateway serves now; retained messages of anything else are removed."""

    def devices(self) -> frozenset[str]:
        """Return the ids of all devices."""
        ...

    def subjects(self) -> frozenset[str]:
        """Return the ids of all admitted subjects."""
        ...


@dataclass(slots=True)
class _Device:
    newest: Record
    given: dict[str, Any] | None = None
    given_s: float = 0.0

    def is_due(self, now_s: float, sparse: bool) -> bool:
        given, payload = self.given, self.newest.payload
        if not sparse or given is None:
            return given != payload or now_s - self.given_s >= REPEAT_S
        changed = any(given.get(key) != payload.get(key) for key in ("state", "faults"))
        return changed or now_s - self.given_s >= SPARSE_REPEAT_S


@dataclass(slots=True)
class DeviceStatuses:
    """The newest status of each device and what of it the broker has; ``now_s`` is monotonic."""

    sparse: bool = False
    _devices: dict[str, _Device] = field(default_factory=dict)
    _tokens: float = _BURST
    _at_s: float = 0.0

    def take(self, record: Record) -> None:
        """Remember a status if it is newer than the one that is known."""
        if record.device is None:
            return
        known = self._devices.get(record.device)
        if known is None:
            if len(self._devices) >= MOST:
                del self._devices[next(iter(self._devices))]
            self._devices[record.device] = _Device(record)
        elif _is_newer(record, known.newest):
            known.newest = record

    def connected(self) -> None:
        """Begin with a broker that may know nothing."""
        for device in self._devices.values():
            device.given = None
        self._tokens = float(max(_BURST, len(self._devices)))

    def due(self, now_s: float, grant: Callable[[int], int] = int) -> list[Record]:
        """Return what to publish now; a burst of changes is spread over the next seconds.

        ``grant`` returns how many of a number of messages the broker bears now.
        """
        self._tokens = min(max(_BURST, self._tokens), self._tokens + (now_s - self._at_s) * _PER_S)
        self._at_s = now_s
        found = [device for device in self._devices.values() if device.is_due(now_s, self.sparse)]
        found.sort(key=lambda device: device.given_s)
        chosen = found[: grant(min(len(found), int(self._tokens)))]
        self._tokens -= len(chosen)
        for device in chosen:
            device.given, device.given_s = device.newest.payload, now_s
        return [device.newest for device in chosen]

    def keep_only(self, known: Iterable[str]) -> list[str]:
        """Forget all devices but these; return those forgotten."""
        gone = sorted(self._devices.keys() - set(known))
        for device in gone:
            del self._devices[device]
        return gone


def _is_newer(record: Record, than: Record) -> bool:
    if record.id.journal == than.id.journal:
        return record.id > than.id
    return record.time_ns > than.time_ns
