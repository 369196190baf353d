"""The convention every bank follows: many streams of one kind and one rate, one kernel call.

A bank holds ``n_slots`` streams. Its state lives in arrays allocated once, the slot being the
leading axis, and one njit call advances all of them. Rules that hold for every bank:

- sample numbers are absolute since the slot was reset; lost samples arrive as NaN and are counted;
- results depend on the samples only: never on how blocks were cut, nor on the other slots;
- numerics leave as events too, once every ``round(fs)`` samples of the slot, so that they are
  as repeatable as beats; a withheld one has the value NaN and says why in ``reasons``;
- nothing in the state grows with time.
"""

from enum import IntEnum, IntFlag
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from teleward_signal.compiled.records import Bits, Byte, Float, Int, Records, Single, Slot, layout


class Reason(IntFlag):
    """Why a stream cannot be trusted; bits of ``reasons``."""

    NO_SIGNAL = 1
    """Flat line, or no samples arrive."""
    LEAD_OFF = 2
    """Electrode or probe off: the device reports it, or the input rests at a rail."""
    CLIPPED = 4
    """The converter saturates within beats."""
    MOTION = 8
    """Artefact of movement or muscle as large as the signal."""
    LOW_PERFUSION = 16
    """Pulse too weak for the noise beside it."""
    MAINS = 32
    """50 or 60 Hz interference as large as the signal."""
    SETTLING = 64
    """Too little signal seen since the start or the last gap."""
    TOO_FAST = 128
    """Beats or pulses follow each other faster than they can be counted."""
    PACING = 256
    """Beats may be pacing spikes that capture nothing."""
    TOO_SMALL = 512
    """Beats are so small and blunt that they may be atria or noise."""

    def names(self) -> tuple[str, ...]:
        """Return the names used in messages, such as ``lead_off``, worst first."""
        return tuple(str(flag.name).lower() for flag in Reason if flag in self)


class EventKind(IntEnum):
    """An event of a bank; ``value`` is explained with each member."""

    BEAT = 1
    """R peak; value = interval to the beat before in s (NaN for the first); ``symbol`` = class."""
    RHYTHM_ON = 2
    """A rhythm begins; ``symbol`` = its code; value = the evidence number."""
    RHYTHM_OFF = 3
    """A rhythm ends."""
    HEART_RATE = 4
    """Numeric, /min."""
    PULSE = 16
    """Pulse peak or foot; value = interval to the pulse before in s."""
    PULSE_RATE = 17
    """Numeric, /min."""
    PERFUSION_INDEX = 18
    """Numeric, %."""
    RATIO = 19
    """Ratio of ratios, red over infrared, of an `spo2.OximetryBank`; NaN when withheld."""
    BREATH = 32
    """Breath; value = interval to the breath before in s."""
    RESPIRATORY_RATE = 33
    """Numeric, /min."""
    APNOEA_ON = 34
    """No breath since ``sample``; value = seconds without a breath."""
    APNOEA_OFF = 35
    """Breathing again at ``sample``; value = length of the apnoea in s."""


class Event:
    """One event; a bank may append fields of its own after these."""

    slot: Slot
    sample: Int  # absolute number of the sample the event is about
    known: Int  # absolute number of the sample at which it was known
    kind: Byte  # EventKind
    symbol: Byte  # ASCII of the WFDB symbol, or a code of the kind; 0 if unused
    value: Float
    sqi: Single  # quality of the stream at that moment
    reasons: Bits  # Reason bits at that moment


EVENT_DTYPE = layout(Event, align=False)
Events = Records[Event]
"""Events of one stream, inside a kernel."""


class Bank(Protocol):
    """Streams of one kind and one sampling rate, advanced together.

    ``__init__(fs, n_slots, **config)`` takes the rate in Hz. ``sqi`` is float32, shape (n_slots,),
    0 to 1; ``reasons`` is uint32, shape (n_slots,), `Reason` bits; both as of the newest sample.
    """

    fs: float
    n_slots: int
    sqi: NDArray[np.float32]
    reasons: NDArray[np.uint32]

    def process(self, samples: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Advance every slot: ``samples`` has shape (n_slots, n_max), physical unit, NaN = lost.

        ``counts``, shape (n_slots,), says how many of a row are new; 0 leaves the slot untouched.
        """

    def drain(self) -> NDArray[np.void]:
        """Return the events since the last drain, dtype `EVENT_DTYPE`, in order within a slot."""

    def taken(self) -> NDArray[np.int64]:
        """Return how many samples each slot has seen, shape (n_slots,)."""

    def reset(self, slot: int) -> None:
        """Make ``slot`` as new: sample 0 comes next."""

    def snapshot(self, slot: int) -> bytes:
        """Return the whole state of ``slot``, undrained events excepted; constant in size."""

    def restore(self, slot: int, state: bytes) -> None:
        """Continue ``slot`` bit-exactly from a snapshot of a bank of the same rate and config."""

    def grow(self, n_slots: int) -> None:
        """Hold ``n_slots`` streams from now on; those there keep their state."""
