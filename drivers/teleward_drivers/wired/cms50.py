"""Contec CMS50D and CMS50E with old firmware: 19200 baud, 8O1, 60 frames/s.

    byte 0  | 1 | beep | SpO2 drops | finger out | signal 0-15 (4 bits) |
    bytes 1 to 4 as in `teleward_drivers.wired.bci`

Two bits of byte 0 mean other things than in the modules. Odd parity makes the line drop most
flipped bits before they reach us. Source: atbrask/CMS50Dplus.
"""

from teleward_drivers.device import (
    DriverInfo,
    LinkType,
    SerialSettings,
    Verification,
)
from teleward_drivers.options import no_options
from teleward_drivers.oximeter_stream import Reading
from teleward_drivers.wired.bci import BciFrame, BciOximeter

FS = 60


def cms50_reading(frame: BciFrame) -> Reading:
    """Decode a CMS50's frame: bit 4 is the finger."""
    if frame.flag_4 or frame.probe_error:
        return Reading(reason="probe_off", faults=frozenset({"probe_off"}))
    if frame.searching:
        return Reading(pleth=frame.pleth, reason="searching", quality=0.0)
    return Reading(frame.spo2, frame.pulse_rate, None, frame.pleth)


class Cms50(BciOximeter):
    """The driver; the device speaks by itself."""

    def __init__(self) -> None:
        super().__init__(FS, cms50_reading)


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
