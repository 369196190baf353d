"""Remove from a capture what identifies a person or a device, so that it can be sent in.

    header      only the driver and its options stay (no note, no start, no passkey)
    identity    serial numbers, system id, names and birth dates become X or 0 of the same length
    dates       all move by whole days, so that the first becomes 2020-01-01; times of day stay
    lines       dates and SN=... of text devices likewise

The bytes of the protocol keep their lengths and places, so a decoder that fails on the capture
fails on the copy. Vital signs stay: they are what the capture is for. Dates inside protocols of
makers that are not named here stay too; `Cleaned.left` lists what a person must look at.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from teleward_drivers.ble import (
    blood_pressure,
    body_composition,
    cgm,
    current_time,
    glucose,
    pulse_oximeter,
    thermometer,
    weight_scale,
)
from teleward_drivers.fields import DateTime, Malformed
from teleward_drivers.gatt import uuid16
from teleward_drivers.replay_link import Capture, Piece

FIRST_DAY = date(2020, 1, 1)
KEPT = ("capture", "driver", "expect", "discarded")
SECRET_OPTIONS = ("passkey", "user")
IDENTITY = {
    uuid16(0x2A00): "device name",
    uuid16(0x2A23): "system id",
    uuid16(0x2A25): "serial number",
    uuid16(0x2A85): "date of birth",
    uuid16(0x2A87): "e-mail address",
    uuid16(0x2A8A): "first name",
    uuid16(0x2A90): "last name",
}
SERIAL_NUMBER = re.compile(rb"(?<=SN=)[0-9A-Za-z]+")
AMERICAN_DATE = re.compile(rb"\b(\d\d)/(\d\d)/(\d\d)(?= \d\d:\d\d)")
NAMED_DATE = re.compile(rb"\b(\d\d)-([A-Z][a-z]{2})-(\d\d)(?= \d\d:\d\d)")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Codec = Callable[[bytes], Any]
STAMPED: dict[str, tuple[Codec, str]] = {
    blood_pressure.MEASUREMENT: (blood_pressure.BloodPressure.from_bytes, "date_time"),
    thermometer.MEASUREMENT: (thermometer.TemperatureMeasurement.from_bytes, "date_time"),
    weight_scale.MEASUREMENT: (weight_scale.WeightMeasurement.from_bytes, "date_time"),
    body_composition.MEASUREMENT: (body_composition.BodyComposition.from_bytes, "date_time"),
    glucose.MEASUREMENT: (glucose.GlucoseMeasurement.from_bytes, "base_time"),
    pulse_oximeter.SPOT_CHECK: (pulse_oximeter.SpotCheckMeasurement.from_bytes, "date_time"),
    cgm.SESSION_START: (cgm.SessionStart.from_bytes, "date_time"),
    current_time.CURRENT_TIME: (current_time.CurrentTime.from_bytes, "date_time"),
}
"""Characteristics with a date: how they are read, and the field that holds it."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A capture without identity: what was replaced, and what a person must still look at."""

    capture: Capture
    replaced: tuple[str, ...]
    left: tuple[str, ...]


class _Dates:
    """Moves dates by the number of days that brings the first one to `FIRST_DAY`."""

    def __init__(self) -> None:
        self._days: int | None = None

    def moved(self, day: date) -> date:
        if self._days is None:
            self._days = (FIRST_DAY - day).days
        return day + timedelta(days=self._days)

    def moved_moment(self, moment: DateTime) -> DateTime:
        if not moment.known:
            return moment
        day = self.moved(date(moment.year, moment.month, moment.day))
        return replace(moment, year=day.year, month=day.month, day=day.day)


def without_identity(capture: Capture) -> Cleaned:
    """Return a copy of ``capture`` without what identifies a person or a device."""
    replaced: dict[str, None] = {}
    dates = _Dates()
    pieces = [_clean_piece(piece, dates, replaced) for piece in capture.pieces]
    pieces = _clean_lines(pieces, dates, replaced)
    header = {key: capture.header[key] for key in KEPT if key in capture.header}
    options = dict(capture.header.get("options", {}))
    for secret in SECRET_OPTIONS:
        if options.pop(secret, None) is not None:
            replaced[f"option {secret}"] = None
    if options:
        header["options"] = options
    for key in set(capture.header) - set(KEPT) - {"options"}:
        replaced[f"header {key}"] = None
    left = ["vital signs"]
    known = {*STAMPED, *IDENTITY, ""}
    if any(piece.channel not in known for piece in capture.pieces):
        left.append("dates inside a maker's own protocol, if it has any")
    return Cleaned(Capture(header, tuple(pieces)), tuple(replaced), tuple(left))


def _clean_piece(piece: Piece, dates: _Dates, replaced: dict[str, None]) -> Piece:
    if piece.channel in IDENTITY:
        replaced[IDENTITY[piece.channel]] = None
        return replace(piece, data=b"X" * len(piece.data))
    if piece.channel == current_time.DATE_TIME and len(piece.data) == 7:
        replaced["dates"] = None
        return replace(piece, data=bytes(dates.moved_moment(_date_time(piece.data))))
    if piece.channel not in STAMPED:
        return piece
    decode, name = STAMPED[piece.channel]
    try:
        value = decode(piece.data)
    except Malformed:
        return piece
    moment = getattr(value, name)
    before = b"" if moment is None else bytes(moment)
    if not before or not moment.known or before not in piece.data:
        return piece
    replaced["dates"] = None
    # in place: what the codec does not know of the value stays as it was
    data = piece.data.replace(before, bytes(dates.moved_moment(moment)), 1)
    return replace(piece, data=data)


def _date_time(data: bytes) -> DateTime:
    return DateTime(int.from_bytes(data[:2], "little"), *data[2:7])


def _clean_lines(pieces: list[Piece], dates: _Dates, replaced: dict[str, None]) -> list[Piece]:
    """Clean the text of a wire as one stream: a piece may end inside a number."""
    stream = b"".join(piece.data for piece in pieces if not piece.sent and piece.channel == "")

    def american(match: re.Match[bytes]) -> bytes:
        month, day, year = (int(group) for group in match.groups())
        moved = dates.moved(date(2000 + year, month, day))
        replaced["dates"] = None
        return moved.strftime("%m/%d/%y").encode()

    def named(match: re.Match[bytes]) -> bytes:
        month = MONTHS.index(match[2].decode()) + 1
        moved = dates.moved(date(2000 + int(match[3]), month, int(match[1])))
        replaced["dates"] = None
        return f"{moved.day:02}-{MONTHS[moved.month - 1]}-{moved.year % 100:02}".encode()

    def number(match: re.Match[bytes]) -> bytes:
        replaced["serial number"] = None
        return b"0" * len(match[0])

    stream = AMERICAN_DATE.sub(_safe(american), stream)
    stream = NAMED_DATE.sub(_safe(named), stream)
    stream = SERIAL_NUMBER.sub(number, stream)
    out, at = [], 0
    for piece in pieces:
        if piece.sent or piece.channel != "":
            out.append(piece)
            continue
        out.append(replace(piece, data=stream[at : at + len(piece.data)]))
        at += len(piece.data)
    return out


def _safe(change: Callable[[re.Match[bytes]], bytes]) -> Callable[[re.Match[bytes]], bytes]:
    """Leave what only looks like a date as it is."""

    def changed(match: re.Match[bytes]) -> bytes:
        try:
            return change(match)
        except ValueError:
            return match[0]

    return changed
