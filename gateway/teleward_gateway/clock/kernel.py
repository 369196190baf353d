"""What the kernel knows of its own clock: is it synchronised, how far off, which boot is this."""

import ctypes
import ctypes.util
import functools
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC = Path("/sys/class/rtc/rtc0")


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's clocks, read together.

    ``error_ns`` is the kernel's bound of the error of a synchronised clock; ``battery`` says
    whether a real-time clock kept time while the machine was off. ``boottime_ns`` runs on in
    suspend, unlike ``monotonic_ns``.
    """

    system_ns: int
    monotonic_ns: int
    boottime_ns: int
    synchronised: bool
    error_ns: int
    battery: bool


class _Timex(ctypes.Structure):
    """``struct timex`` of <sys/timex.h>, of which only the first fields are read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def read_clocks() -> Reading:
    """Read the clocks and the kernel's opinion of them (adjtimex with no change asked for)."""
    state, timex = _adjtimex()
    synchronised = state not in (-1, _TIME_ERROR) and not timex.status & _STA_UNSYNC
    boottime_ns = (
        time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if hasattr(time, "CLOCK_BOOTTIME")
        else time.monotonic_ns()
    )
    return Reading(
        system_ns=time.time_ns(),
        monotonic_ns=time.monotonic_ns(),
        boottime_ns=boottime_ns,
        synchronised=synchronised,
        error_ns=int(timex.maxerror) * 1000,
        battery=_RTC.exists(),
    )


def boot_id() -> str:
    """Return 16 hexadecimal digits that differ at every start of this machine."""
    try:
        return _BOOT_ID.read_text().strip().replace("-", "")[:16]
    except OSError:
        # no such file outside Linux: every process then counts as a boot, which is safe
        return uuid.uuid4().hex[:16]


@functools.cache
def _library() -> ctypes.CDLL:
    """Return the C library, opened once: each opening makes a class that lives for long."""
    return ctypes.CDLL(None, use_errno=True)


def _adjtimex() -> tuple[int, _Timex]:
    timex = _Timex()
    call = getattr(_library(), "adjtimex", None)
    return (int(call(ctypes.byref(timex))) if call else -1), timex
