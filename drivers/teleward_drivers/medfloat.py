"""IEEE 11073-20601 numbers: value = mantissa x 10^exponent, with reserved mantissas.

    SFLOAT, 16 bits   | exponent, signed 4 | mantissa, signed 12 |
    FLOAT,  32 bits   | exponent, signed 8 | mantissa, signed 24 |     both little endian on air

    reserved mantissa   SFLOAT  FLOAT      meaning
                        0x7FF   0x7FFFFF   NaN: not a number
                        0x800   0x800000   NRes: not at this resolution
                        0x7FE   0x7FFFFE   +INFINITY
                        0x802   0x800002   -INFINITY
                        0x801   0x800001   reserved for future use

The exponent is signed two's complement and states the resolution: 0xF3E8 is 100.0, 0x0064 is 100.
A reserved mantissa is never a number, whatever its exponent: the standard's mantissas end at
+-(2^11 - 3) and +-(2^23 - 3).
"""

from dataclasses import dataclass
from enum import StrEnum


class Special(StrEnum):
    """Why a number has no value; the text is the reason of a measurement without one."""

    NAN = "not_a_number"
    NRES = "not_at_this_resolution"
    PLUS_INFINITY = "above_range"
    MINUS_INFINITY = "below_range"
    RESERVED = "reserved_value"


_RESERVED = {-1: Special.NAN, 0: Special.NRES, -2: Special.PLUS_INFINITY}
_RESERVED |= {2: Special.MINUS_INFINITY, 1: Special.RESERVED}
_SFLOAT_RESERVED = {(0x800 + offset) & 0xFFF: special for offset, special in _RESERVED.items()}
_FLOAT_RESERVED = {0x800000 + offset: special for offset, special in _RESERVED.items()}
_SFLOAT_BITS = {special: bits for bits, special in _SFLOAT_RESERVED.items()}
_FLOAT_BITS = {special: bits for bits, special in _FLOAT_RESERVED.items()}


@dataclass(frozen=True, slots=True)
class MedFloat:
    """A medical number with its resolution, or the reason why there is none."""

    mantissa: int
    exponent: int = 0
    special: Special | None = None

    @property
    def value(self) -> float | None:
        """The number, or ``None`` for a reserved value."""
        if self.special is not None:
            return None
        if self.exponent >= 0:
            return float(self.mantissa * 10.0**self.exponent)
        return float(self.mantissa / 10.0**-self.exponent)

    @property
    def reason(self) -> str | None:
        """Why there is no value, or ``None``."""
        return None if self.special is None else str(self.special)

    @classmethod
    def of(cls, value: float | None, exponent: int = 0) -> "MedFloat":
        """Return ``value`` at the resolution 10^exponent; ``None`` becomes NaN."""
        if value is None:
            return cls(0, 0, Special.NAN)
        scaled = value / 10**exponent if exponent >= 0 else value * 10**-exponent
        return cls(round(scaled), exponent)

    @classmethod
    def from_sfloat(cls, raw: int) -> "MedFloat":
        """Decode 16 bits."""
        exponent = (raw >> 12) - 16 if raw & 0x8000 else raw >> 12
        special = _SFLOAT_RESERVED.get(raw & 0xFFF)
        if special is not None:
            return cls(0, exponent, special)
        mantissa = raw & 0xFFF
        return cls(mantissa - 0x1000 if mantissa & 0x800 else mantissa, exponent)

    @classmethod
    def from_float(cls, raw: int) -> "MedFloat":
        """Decode 32 bits."""
        exponent = (raw >> 24) - 256 if raw & 0x80000000 else raw >> 24
        special = _FLOAT_RESERVED.get(raw & 0xFFFFFF)
        if special is not None:
            return cls(0, exponent, special)
        mantissa = raw & 0xFFFFFF
        return cls(mantissa - 0x1000000 if mantissa & 0x800000 else mantissa, exponent)

    def to_sfloat(self) -> int:
        """Encode as 16 bits; ValueError when mantissa or exponent does not fit."""
        if not -8 <= self.exponent <= 7:
            raise ValueError(f"SFLOAT exponent {self.exponent} is not in -8..7")
        if self.special is not None:
            return (self.exponent & 0xF) << 12 | _SFLOAT_BITS[self.special]
        if abs(self.mantissa) > 0x7FD:
            raise ValueError(f"SFLOAT mantissa {self.mantissa} does not fit; raise the exponent")
        return (self.exponent & 0xF) << 12 | self.mantissa & 0xFFF

    def to_float(self) -> int:
        """Encode as 32 bits; ValueError when mantissa or exponent does not fit."""
        if not -128 <= self.exponent <= 127:
            raise ValueError(f"FLOAT exponent {self.exponent} is not in -128..127")
        if self.special is not None:
            return (self.exponent & 0xFF) << 24 | _FLOAT_BITS[self.special]
        if abs(self.mantissa) > 0x7FFFFD:
            raise ValueError(f"FLOAT mantissa {self.mantissa} does not fit; raise the exponent")
        return (self.exponent & 0xFF) << 24 | self.mantissa & 0xFFFFFF
