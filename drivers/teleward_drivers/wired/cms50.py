"""Contec CMS50D and CMS50E with old firmware: 19200 baud, 8O1, 60 frames/s.

    byte 0  | 1 | beep | SpO2 drops | finger out | signal 0-15 (4 bits) |
    bytes 1 to 4 as in `teleward_drivers.wired.bci`

Two bits of byte 0 mean other things than in the modules. Odd parity makes the line drop most
flipped bits before they reach us. Source: atbrask/CMS50Dplus.
"""

from collections.abc import Iterable

from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
)
from teleward_drivers.link import Received
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import OximeterStream, Reading
from teleward_drivers.wired.bci import PLETH_SCALE, SIZE, BciDecoder, BciFrame

FS = 60


def cms50_reading(frame: BciFrame) -> Reading:
    """Return what a CMS50's frame says: bit 4 is the finger."""
    if frame.flag_4 or frame.probe_error:
        return Reading(reason="probe_off", faults=frozenset({"probe_off"}))
    if frame.searching:
        return Reading(pleth=frame.pleth, reason="searching", quality=0.0)
    return Reading(frame.spo2, frame.pulse_rate, None, frame.pleth)


class Cms50:
    """The driver; the device speaks by itself."""

    def __init__(self) -> None:
        self.decoder = BciDecoder()
        self._oximeter = OximeterStream(FS, SIZE, PLETH_SCALE)

    def start(self, now_ns: int) -> Iterable[Output]:
        """Nothing to ask for."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        pieces = [
            piece if isinstance(piece, Discarded) else cms50_reading(piece)
            for piece in self.decoder.feed(received.data)
        ]
        return self._oximeter.take(pieces, received.time_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Say when the values are stale."""
        return self._oximeter.tick(now_ns)


DRIVER = DriverInfo(
    name="cms50",
    title="Contec CMS50D and CMS50E pulse oximeter (old firmware)",
    link=LinkType.SERIAL,
    verification=Verification.SIMULATOR,
    source="atbrask/CMS50Dplus; no capture at hand",
    make=no_options("cms50", Cms50),
    metrics=frozenset({"spo2", "pulse_rate", "pleth"}),
    usb_ids=frozenset({"10c4:ea60"}),
    serial=SerialSettings(19200, parity="O"),
)
