"""Read the fields of one value in order; too few bytes is `Malformed`, never an IndexError."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from teleward_drivers.medfloat import MedFloat
from teleward_signal.errors import Invalid


class Malformed(Invalid):
    """Malformed bytes: they break the protocol; the text is the reason to report."""


class Fields:
    """A cursor over one value, little endian."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @classmethod
    def of(cls, data: "bytes | Fields") -> "Fields":
        """Return a cursor over ``data``, or the one that was given."""
        return data if isinstance(data, Fields) else cls(data)

    @property
    def left(self) -> int:
        """How many bytes are not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if size > self.left:
            raise Malformed("truncated")
        self._at += size
        return self._data[self._at - size : self._at]

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(self.left)

    def end(self, flags: int, reserved: int) -> None:
        """Refuse a value with ``reserved`` flags whose fields do not fill it: another layout.

        Reserved flags alone are ignored, and so are bytes after the announced fields, which later
        versions of a service add: see `trailing`.
        """
        if flags & reserved and self.left:
            raise Malformed("other_layout")

    def trailing(self) -> dict[str, str]:
        """Return the bytes after the announced fields as detail of a measurement, if any."""
        return {"trailing": self._data[self._at :].hex()} if self.left else {}

    def uint(self, size: int) -> int:
        """Return an unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def sint(self, size: int) -> int:
        """Return a signed integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def sfloat(self) -> MedFloat:
        """Return an IEEE 11073 SFLOAT."""
        return MedFloat.from_sfloat(self.uint(2))

    def medfloat(self) -> MedFloat:
        """Return an IEEE 11073 FLOAT."""
        return MedFloat.from_float(self.uint(4))

    def date_time(self) -> "DateTime":
        """Return a Bluetooth Date Time, 7 bytes."""
        return DateTime(*struct.unpack("<HBBBBB", self.take(7)))


def sfloat_bytes(*numbers: MedFloat) -> bytes:
    """Return ``numbers`` as SFLOATs in a row."""
    return b"".join(number.to_sfloat().to_bytes(2, "little") for number in numbers)


def float_bytes(*numbers: MedFloat) -> bytes:
    """Return ``numbers`` as FLOATs in a row."""
    return b"".join(number.to_float().to_bytes(4, "little") for number in numbers)


YEARS = range(1971, 2200)
"""Years whose nanoseconds since 1970 fit 64 bits, whatever the time zone."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DateTime:
    """Bluetooth Date Time: the device's calendar, no time zone; 0 for year, month, day = unknown.

    | year u16 | month | day | hour | minute | second |
    """

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0

    @property
    def known(self) -> bool:
        """Whether this names a moment."""
        return self.to_ns() is not None

    def to_ns(self, utc_offset_minutes: int = 0) -> int | None:
        """Return UTC in ns of a clock that is ``utc_offset_minutes`` ahead; None if unknown.

        A year outside of `YEARS` is a clock that was never set, so it is unknown as well.
        """
        if self.year not in YEARS:
            return None
        try:
            clock = datetime(
                self.year, self.month, self.day, self.hour, self.minute, self.second, tzinfo=UTC
            )
        except ValueError:
            return None
        seconds = (clock - _EPOCH) // timedelta(seconds=1) - 60 * utc_offset_minutes
        return seconds * 1_000_000_000

    @classmethod
    def from_ns(cls, utc_ns: int, utc_offset_minutes: int = 0) -> "DateTime":
        """Return what a clock ``utc_offset_minutes`` ahead of UTC shows at ``utc_ns``."""
        seconds = utc_ns // 1_000_000_000 + 60 * utc_offset_minutes
        clock = datetime.fromtimestamp(seconds, UTC)
        return cls(*clock.timetuple()[:6])

    def __bytes__(self) -> bytes:
        return struct.pack(
            "<HBBBBB", self.year, self.month, self.day, self.hour, self.minute, self.second
        )

    def __str__(self) -> str:
        date = f"{self.year:04}-{self.month:02}-{self.day:02}"
        return f"{date}T{self.hour:02}:{self.minute:02}:{self.second:02}"
