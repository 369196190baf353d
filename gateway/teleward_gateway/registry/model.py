"""What the registry keeps, as plain values.

    device --Binding--> subject                 a device worn by a person follows the person
    device --Binding--> bed --Stay--> subject   a monitor on the wall follows the bed

Bindings and stays are half-open intervals [from_ns, until_ns) of UTC; ``until_ns`` is None while
they last. They are closed, never deleted, so every past second has one answer. Each edge keeps the
monotonic time at which it was made, so that it is corrected with the clock as records are.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from teleward_signal.errors import Conflict, Invalid, NotFound
from teleward_signal.model import Provenance

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""An id goes into MQTT topics, file names and addresses of pages as it is."""


class RegistryError(Invalid):
    """A change that would break a rule of the registry; the message names the remedy."""


class RegistryConflict(Conflict, RegistryError):
    """A change that the present bindings, stays or devices forbid."""


class Unknown(NotFound, RegistryError):
    """There is no such device, or no such subject is admitted."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The person monitored; ``attributes`` such as ``spo2_scale`` steer scores and limits."""

    id: str
    label: str = ""
    provenance: Provenance = Provenance.FIELD
    bed: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    admitted_ns: int = 0
    discharged_ns: int | None = None
    version: int = 0
    """Grows with each change of an attribute or the label."""

    def __post_init__(self) -> None:
        check_name("subject", self.id)
        if self.bed is not None:
            check_name("bed", self.bed)


@dataclass(frozen=True, slots=True)
class Device:
    """A commissioned device; ``address`` is a BLE address, a port path or a port URL.

    ``provenance`` is fixed when the device is added: a simulated device stays one.
    """

    id: str
    driver: str
    address: str
    label: str = ""
    provenance: Provenance = Provenance.FIELD
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("device", self.id)
        if not self.address:
            raise RegistryError(f"device {self.id} needs an address or a port")


@dataclass(frozen=True, slots=True)
class Mark:
    """When an edge was made, by the clock that no one sets: monotonic time of one boot."""

    boot: str
    monotonic_ns: int


class Interval:
    """What holds from a time on, until another or still.

    ``begun`` and ``ended`` are the same edges in monotonic time; ``None`` for edges of version 1.
    """

    __slots__ = ()
    from_ns: int
    until_ns: int | None
    begun: Mark | None
    ended: Mark | None

    def covers(self, time_ns: int) -> bool:
        """Return whether ``time_ns`` lies in the interval, by what is known of the clock now."""
        return self.from_ns <= time_ns and (self.until_ns is None or time_ns < self.until_ns)

    def holds_at(self, mark: Mark) -> bool:
        """Return whether the interval holds at a moment of the present boot, whatever UTC is.

        Edges of other boots lie before it.
        """
        begun, ended = self.begun, self.ended
        if begun is not None and begun.boot == mark.boot and mark.monotonic_ns < begun.monotonic_ns:
            return False
        if self.until_ns is None:
            return True
        same = ended is not None and ended.boot == mark.boot
        return same and ended is not None and mark.monotonic_ns < ended.monotonic_ns


@dataclass(frozen=True, slots=True)
class Binding(Interval):
    """A device feeds ``subject``, or the subject in ``bed``."""

    device: str
    provenance: Provenance
    from_ns: int
    until_ns: int | None = None
    subject: str | None = None
    bed: str | None = None
    begun: Mark | None = None
    ended: Mark | None = None


@dataclass(frozen=True, slots=True)
class Stay(Interval):
    """A subject lies in a bed."""

    subject: str
    bed: str
    from_ns: int
    until_ns: int | None = None
    begun: Mark | None = None
    ended: Mark | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change, for the audit trail and for the parts that follow it (sessions, pages)."""

    what: str
    time_ns: int
    device: str | None = None
    subject: str | None = None
    bed: str | None = None
    author: str | None = None


def check_name(kind: str, name: str) -> None:
    """Raise RegistryError when ``name`` cannot be an id."""
    if not NAME.fullmatch(name):
        raise RegistryError(
            f"{kind} {name!r}: use 1 to 64 of a-z, 0-9, dot, dash and underscore, "
            "starting with a letter or digit"
        )
