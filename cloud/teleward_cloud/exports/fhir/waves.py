"""Waveforms as FHIR observations with SampledData: counts, and how they become values."""

from typing import Any

import numpy as np

from teleward_cloud.exports.codes import CODES, UCUM
from teleward_cloud.exports.fhir.identity import References, Resource
from teleward_cloud.exports.fhir.observations import frame
from teleward_cloud.exports.fhir.parts import category, instant, metric_concept
from teleward_signal.errors import Invalid
from teleward_signal.record import Record

_DTYPES: dict[str, np.dtype[Any]] = {"int16": np.dtype("<i2"), "int32": np.dtype("<i4")}


def wave(record: Record, references: References) -> Resource:
    """Return the observation of one block of a waveform.

    A value is count x factor + origin, in UCUM; blocks follow each other without a gap exactly if
    the period of one ends where the next begins. Raises Invalid for a block that cannot be read.
    """
    codes, payload = CODES[str(record.metric)], record.payload
    dtype, fs = _DTYPES.get(str(payload.get("dtype"))), float(payload.get("fs") or 0)
    if dtype is None or fs <= 0 or not record.samples or len(record.samples) % dtype.itemsize:
        raise Invalid("a waveform without samples, rate or type")
    samples = np.frombuffer(record.samples, dtype)
    resource = frame((record,), references, metric_concept(codes))
    resource["category"] = category(codes.category)
    del resource["effectiveDateTime"]
    end_ns = record.time_ns + round(len(samples) / fs * 1e9)
    resource["effectivePeriod"] = {"start": instant(record.time_ns), "end": instant(end_ns)}
    origin = float(payload.get("offset") or 0.0) * codes.factor
    resource["valueSampledData"] = {
        "origin": {"value": origin, "unit": codes.unit, "system": UCUM, "code": codes.unit},
        "period": 1000 / fs,
        "factor": float(payload.get("scale") or 1.0) * codes.factor,
        "dimensions": 1,
        "data": " ".join(map(str, samples.tolist())),
    }
    return resource
