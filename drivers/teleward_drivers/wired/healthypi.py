"""ProtoCentral HealthyPi v3, v4 and 5: 115200 baud, 8N1 (v3 57600), 125 frames/s.

    | 0A | FA | length u16 | type | payload | 00 | 0B |          little endian, no checksum

    v3, v4  type 02, length 20:
      | ECG s16 | respiration s16 | IR s32 | red s32 | temperature s16 x 0.01 Cel |
      | resp. rate u8 | SpO2 u8, 0 = none | heart rate u8 | 80 | 120 | lead status u8 |
    v5      type 02, length 22:
      | ECG s32 | respiration s32 | skip u8 | red s32 | IR s32 | temperature s16 x 0.01 |
      | SpO2 u8 | resp. rate u8 | heart rate u8 |
    v5      type 03, length 50:  | ECG s32 x 8 | respiration s32 x 4 | heart rate | resp. rate |
    v5      type 04, length 19:  | PPG u16 x 8 | SpO2, 25 = none | temperature s16 x 0.01 |

Bytes 17 and 18 of v3/v4 are the constants 80 and 120: they are not a blood pressure and are never
published. Firmware and viewer of v5 disagree which of the last two bytes of type 02 is the heart
rate: both are left out unless the option ``rates`` says. The two sync bytes occur in data: a frame
counts when header, known length, type and footer fit; a value is the median of a second's frames.
Source: ProtoCentral firmware; the ECG's scale is computed from gain 6 and 2.42 V (ADS1292R).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from teleward_drivers.arrival import ArrivalWatch
from teleward_drivers.decoder import FrameByFrame
from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
)
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.oximeter_stream import STALE_NS
from teleward_drivers.plausible import measurement
from teleward_drivers.resync import Resynchroniser
from teleward_drivers.voting import Claim, Vote
from teleward_signal.errors import Invalid
from teleward_signal.model import DeviceStatus, SampleBlock

FS = 125
SYNC, FOOTER = b"\x0a\xfa", b"\x00\x0b"
V4, V5, V5_ECG, V5_PPG = (2, 20), (2, 22), (3, 50), (4, 19)
MAX_FRAME = 7 + 50
CONSTANTS = bytes([80, 120])
LEAD_OFF_MASK = 0x1F
"""Low five bits of the ADS1292R's status: one a lead."""
ECG_MV = 2.42 / 6 / (2**23 - 1) * 1000
"""One count of the 24-bit converter in mV; v3 and v4 send it divided by 256."""
STEP_LIMITS = {"spo2": 8.0, "heart_rate": 40.0, "respiratory_rate": 20.0}
_V4 = struct.Struct("<hhiihBBBBBB")
_V5 = struct.Struct("<iiBiihBBB")


@dataclass(frozen=True, slots=True)
class HealthyPiFrame:
    """One frame: ``waves`` counts by metric, one list an instant; ``claims`` values by metric.

    ``scales`` give the unit of a count; ``lead_off`` is ``None`` when the board does not say.
    """

    kind: tuple[int, int]
    waves: dict[str, list[int]] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    lead_off: bool | None = None


def pack(kind: tuple[int, int], payload: bytes) -> bytes:
    """Return a whole frame of ``kind`` (for simulated devices)."""
    number, length = kind
    if len(payload) != length:
        raise ValueError(f"HealthyPi type {number}: payload must be {length} bytes")
    return SYNC + struct.pack("<HB", length, number) + payload + FOOTER


def pack_v4(
    ecg: int,
    respiration: int,
    infrared: int,
    red: int,
    temperature: float,
    rates: tuple[int, int, int],
    lead_off: bool = False,
) -> bytes:
    """Return a v4 frame; ``rates`` are (respiratory rate, SpO2, heart rate)."""
    celsius = round(temperature * 100)
    lead = LEAD_OFF_MASK if lead_off else 0
    values = (ecg, respiration, infrared, red, celsius, *rates, *CONSTANTS, lead)
    return pack(V4, _V4.pack(*values))


def pack_v5(
    ecg: int, respiration: int, red: int, infrared: int, temperature: float, rates: tuple[int, ...]
) -> bytes:
    """Return a v5 frame of type 02; ``rates`` are its last three bytes in their order."""
    celsius = round(temperature * 100)
    return pack(V5, _V5.pack(ecg, respiration, 0, red, infrared, celsius, *rates))


def probe(buffer: bytearray, at: int) -> int | str:
    """Classify the frame at ``buffer[at]``."""
    if len(buffer) - at < 5:
        return 0
    length, number = struct.unpack_from("<HB", buffer, at + 2)
    if (number, length) not in _DECODERS:
        return "length"
    end = at + 7 + length
    if len(buffer) < end:
        return 0
    return end - at if buffer[end - 2 : end] == FOOTER else "footer"


def _temperature(raw: int) -> Claim:
    return raw / 100 if raw > 0 else "missing"


def _rate(raw: int) -> Claim:
    return float(raw) if raw not in (0, 255) else "missing"


def _decode_v4(payload: bytes) -> HealthyPiFrame:
    ecg, resp, infrared, red, celsius, rr, spo2, hr, _, _, lead = _V4.unpack(payload)
    off = bool(lead & LEAD_OFF_MASK)
    claims: dict[str, Claim] = {
        "heart_rate": "lead_off" if off else _rate(hr),
        "respiratory_rate": "lead_off" if off else _rate(rr),
        "spo2": _rate(spo2),
        "body_temperature": _temperature(celsius),
    }
    waves = {"ecg_ii": [ecg], "respiration": [resp], "ppg_infrared": [infrared], "ppg_red": [red]}
    return HealthyPiFrame(V4, waves, claims, off)


def _decode_v5(payload: bytes) -> HealthyPiFrame:
    ecg, resp, _, red, infrared, celsius, spo2, second, third = _V5.unpack(payload)
    claims: dict[str, Claim] = {
        "spo2": _rate(spo2),
        "body_temperature": _temperature(celsius),
        "second": _rate(second),
        "third": _rate(third),
    }
    waves = {"ecg_ii": [ecg], "respiration": [resp], "ppg_infrared": [infrared], "ppg_red": [red]}
    return HealthyPiFrame(V5, waves, claims)


def _decode_v5_ecg(payload: bytes) -> HealthyPiFrame:
    counts = struct.unpack_from("<12i", payload)
    claims = {"heart_rate": _rate(payload[48]), "respiratory_rate": _rate(payload[49])}
    waves = {"ecg_ii": list(counts[:8]), "respiration": list(counts[8:])}
    return HealthyPiFrame(V5_ECG, waves, claims)


def _decode_v5_ppg(payload: bytes) -> HealthyPiFrame:
    *counts, spo2, celsius = struct.unpack("<8HBh", payload)
    claims = {
        "spo2": "missing" if spo2 == 25 else _rate(spo2),
        "body_temperature": _temperature(celsius),
    }
    return HealthyPiFrame(V5_PPG, {"ppg_infrared": counts}, claims)


_DECODERS = {V4: _decode_v4, V5: _decode_v5, V5_ECG: _decode_v5_ecg, V5_PPG: _decode_v5_ppg}
_FRAMES_A_SECOND = {V4: FS, V5: FS, V5_ECG: 16, V5_PPG: 16}
_RATES = {"respiration": {V5_ECG: FS / 2}}


class HealthyPiDecoder(FrameByFrame[HealthyPiFrame]):
    """Bytes of the stream in, frames out."""

    def __init__(self) -> None:
        super().__init__(Resynchroniser(probe, MAX_FRAME, SYNC), _decode)


def _decode(frame: bytes) -> HealthyPiFrame:
    return _DECODERS[frame[4], frame[2] | frame[3] << 8](frame[5:-2])


Waves = dict[tuple[str, tuple[int, int]], list[int]]
"""Counts by metric and frame type."""


class HealthyPi:
    """The driver; ``rates`` is the order of the last two bytes of v5's type 02, or ``None``."""

    def __init__(self, rates: tuple[str, str] | None) -> None:
        self.decoder = HealthyPiDecoder()
        self._rates = rates
        self._votes = {kind: Vote(n, STEP_LIMITS) for kind, n in _FRAMES_A_SECOND.items()}
        self._index: dict[str, int] = {}
        self._arrivals: dict[str, ArrivalWatch] = {}
        self._lead_off: bool | None = None
        self._received_ns: int | None = None
        self._metrics: set[str] = set()

    def start(self, now_ns: int) -> Iterable[Output]:
        """The board speaks by itself; boot text comes first."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces."""
        waves: Waves = {}
        for piece in self.decoder.feed(received.data):
            if isinstance(piece, Discarded):
                yield from self._blocks(waves, received.monotonic_ns)
                self._lose(piece)
                yield piece
                continue
            self._received_ns = received.time_ns
            for metric, counts in piece.waves.items():
                waves.setdefault((metric, piece.kind), []).extend(counts)
            if piece.lead_off is not None and piece.lead_off != self._lead_off:
                self._lead_off = piece.lead_off
                yield DeviceStatus(faults=frozenset({"lead_off"} if piece.lead_off else ()))
            for reading in self._votes[piece.kind].add(self._named(piece.claims)):
                self._metrics.add(reading.metric)
                yield reading
        yield from self._blocks(waves, received.monotonic_ns)

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report once that the last values are stale."""
        if self._received_ns is not None and now_ns - self._received_ns >= STALE_NS:
            self._received_ns = None
            for metric in sorted(self._metrics):
                yield measurement(metric, None, "no_data")

    def _named(self, claims: dict[str, Claim]) -> dict[str, Claim]:
        """Name the two rates of v5 as configured, or leave them out."""
        known = {metric: claim for metric, claim in claims.items() if "_" in metric}
        known |= {metric: claims[metric] for metric in ("spo2",) if metric in claims}
        if self._rates is not None and "second" in claims:
            known |= dict(zip(self._rates, (claims["second"], claims["third"]), strict=True))
        return known

    def _lose(self, discarded: Discarded) -> None:
        lost = round(discarded.n_bytes / (7 + V4[1]))
        for metric in self._index:
            self._index[metric] += lost

    def _blocks(self, waves: Waves, monotonic_ns: int) -> Iterable[Output]:
        for (metric, kind), counts in waves.items():
            index = self._index.get(metric, 0)
            self._index[metric] = index + len(counts)
            fs = _RATES.get(metric, {}).get(kind, FS)
            scale = 1.0
            if metric == "ecg_ii":
                scale = ECG_MV * 256 if kind == V4 else ECG_MV
            yield SampleBlock(metric, fs, np.array(counts, np.int32), scale, index)
            watch = self._arrivals.setdefault(metric, ArrivalWatch(fs))
            self._index[metric] += watch.missing(self._index[metric], monotonic_ns)
        waves.clear()


ORDERS = {
    "": None,
    "firmware": ("respiratory_rate", "heart_rate"),
    "viewer": ("heart_rate", "respiratory_rate"),
}


def make(options: dict[str, Any]) -> HealthyPi:
    """Return a driver."""
    rates = read_options("healthypi", options, {"rates": (str, "")})["rates"]
    if rates not in ORDERS:
        raise Invalid(f"driver healthypi: rates must be 'firmware' or 'viewer', not {rates!r}")
    return HealthyPi(ORDERS[rates])


DRIVER = DriverInfo(
    name="healthypi",
    title="ProtoCentral HealthyPi v3, v4 and 5",
    link=LinkType.SERIAL,
    verification=Verification.SIMULATOR,
    source="ProtoCentral firmware; no capture at hand, ECG scale computed",
    make=make,
    metrics=frozenset(
        {"heart_rate", "respiratory_rate", "spo2", "body_temperature", "ecg_ii"}
        | {"respiration", "ppg_infrared", "ppg_red"}
    ),
    serial=SerialSettings(115200),
    options={"rates": "order of v5's last two bytes: 'firmware' or 'viewer' (left out)"},
)
