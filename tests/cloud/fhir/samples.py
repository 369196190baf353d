"""Records of every kind and metric, as a gateway makes them."""

from typing import Any

import numpy as np

from teleward_cloud.exports.writer import ExportedDevice, ExportedSubject, Scope
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind
from teleward_signal.vocabulary import METRICS, MetricKind

START_NS = 1_772_352_000_000_000_000
"""2026-03-01T08:00:00Z."""
SECOND_NS = 1_000_000_000
ADDRESS = "C4:7C:8D:6A:11:02"


def made(
    seq: int,
    kind: RecordKind = RecordKind.MEASUREMENT,
    metric: str | None = "spo2",
    payload: dict[str, Any] | None = None,
    *,
    part: int = 0,
    device: str | None = "ox-1",
    samples: bytes = b"",
    provenance: Provenance = Provenance.SIMULATED,
    time_ns: int | None = None,
) -> Record:
    """Return a record of bed-1."""
    return Record(
        RecordId("ward-3", "9f86d081", seq, part), kind, provenance,
        START_NS + seq * SECOND_NS if time_ns is None else time_ns, 12_000_000,
        81_234_000_000 + seq, "5c1e", "bed-1", device, metric,
        value(96.0) if payload is None else payload, samples,
    )  # fmt: skip


def value(number: float | None, source: str = "device", **more: Any) -> dict[str, Any]:
    """Return the payload of a measurement."""
    return {"value": number, "source": source, "valid_s": 5.0, **more}


def cuff(seq: int, systolic: float | None = 120, **more: Any) -> list[Record]:
    """Return the three pressures of one reading."""
    numbers = {"nibp_systolic": systolic, "nibp_diastolic": 80.0, "nibp_mean": 93.0}
    return [
        made(
            seq, metric=metric, part=part, device="cuff-1", time_ns=START_NS + seq * SECOND_NS,
            payload=value(number, group="nibp-7", device_time_ns=START_NS + (seq - 90) * SECOND_NS,
                          **({"reason": "unsuccessful"} if number is None else {}), **more),
        )
        for part, (metric, number) in enumerate(numbers.items())
    ]  # fmt: skip


def everything(provenance: Provenance = Provenance.SIMULATED) -> list[Record]:
    """Return a record of every metric and kind, ordered by time."""
    found: list[Record] = []
    for metric in METRICS.values():
        seq = len(found) + 1
        if metric.kind is MetricKind.NUMERIC:
            if metric.name.startswith(("nibp_", "arterial_")):
                continue
            number = min(max(metric.low, 3.25), metric.high)
            found.append(made(seq, metric=metric.name, payload=value(number)))
        else:
            counts = (np.arange(50) - 25).astype("<i2").tobytes()
            shape = {"fs": 62.5, "scale": 0.005, "offset": -1.5, "index": 0, "dtype": "int16"}
            wave = made(seq, RecordKind.WAVEFORM, metric.name, shape, samples=counts)
            found.append(wave)
    seq = len(found) + 1
    found += cuff(seq) + cuff(seq + 1, None)
    for part, name in enumerate(("systolic", "diastolic", "mean")):
        time_ns = START_NS + (seq + 2) * SECOND_NS
        found.append(made(seq + 2, metric=f"arterial_{name}", part=part, time_ns=time_ns))
    alarm = {"condition": "spo2-low", "kind": "physiological", "priority": "high", "value": 84.0,
             "limit": 90.0, "presence": "on", "text": "SpO\u2082 low: 84 < 90"}  # fmt: skip
    beats = {"symbol": "N", "label": "normal"}
    identity = {"manufacturer": "Nonin", "model": "3230", "serial_number": "501"}
    found += [
        made(seq + 3, payload=value(None, reason="probe_off")),
        made(seq + 4, metric="heart_rate", payload=value(71.25, "derived", quality=0.97)),
        made(seq + 5, metric="body_temperature", device=None,
             payload=value(38.5, "manual", author="nurse A. & co")),
        made(seq + 6, RecordKind.ALARM, "spo2", alarm),
        made(seq + 7, RecordKind.ANNOTATION, "ecg_ii", {"symbol": "+", "label": "AF begins"}),
        made(seq + 8, RecordKind.ANNOTATION, "ecg_ii", beats),
        made(seq + 9, RecordKind.DEVICE, None, {"identity": identity, "battery_percent": 80}),
    ]  # fmt: skip
    if provenance is Provenance.FIELD:
        from dataclasses import replace

        found = [replace(record, provenance=provenance) for record in found]
    return found


def scope(provenance: Provenance = Provenance.SIMULATED, **attributes: Any) -> Scope:
    """Return what an export of bed-1 is about."""
    return Scope(
        "ward-3", "Ward 3", "0.1.0", provenance,
        ExportedSubject("bed-1", "A & B", attributes, START_NS, None),
        {"ox-1": ExportedDevice("ox-1", "Oximeter", "nonin-ble", ADDRESS, provenance),
         "cuff-1": ExportedDevice("cuff-1", "", "blood-pressure", "/dev/ttyUSB0", provenance)},
        START_NS, START_NS + 3600 * SECOND_NS,
    )  # fmt: skip


def files(writer: Any, records: list[Record], batch: int = 1000) -> dict[str, bytes]:
    """Return the files that a writer makes of records."""
    parts = list(writer.begin())
    for start in range(0, len(records), batch):
        parts += writer.write(records[start : start + batch])
    parts += writer.finish()
    found: dict[str, bytes] = {}
    for part in parts:
        assert part.at is None
        found[part.name] = found.get(part.name, b"") + part.data
    return found
