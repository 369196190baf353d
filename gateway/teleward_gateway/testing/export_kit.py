"""Records and scopes for tests of exports: streams of known counts at known times."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from teleward_cloud.exports.writer import ExportedDevice, ExportedSubject, Scope, Writer
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

NS = 1_000_000_000
BEGIN_NS = 1_772_352_000_250_000_000
"""2026-03-01T08:00:00.25Z."""
DEVICE = ExportedDevice(
    "monitor-1", "Monitor", "framed_ble", "C0:FF:EE:00:00:01", Provenance.SIMULATED
)


def scope_of(**changes: Any) -> Scope:
    """Return the scope of an export of one simulated person."""
    known: dict[str, Any] = {
        "gateway": "gw", "ward": "Ward", "version": "0.1.0", "provenance": Provenance.SIMULATED,
        "subject": ExportedSubject("bed-1", "Mrs Öst", {}, 0, None),
        "devices": {"monitor-1": DEVICE}, "start_ns": BEGIN_NS, "end_ns": BEGIN_NS + 86_400 * NS,
    }  # fmt: skip
    return Scope(**(known | changes))


class Records:
    """Makes records one after the other; each has a number of its own."""

    def __init__(self, subject: str = "bed-1", device: str = "monitor-1") -> None:
        self.all: list[Record] = []
        self._subject, self._device = subject, device

    def add(
        self,
        kind: RecordKind,
        time_ns: int,
        metric: str | None,
        payload: dict[str, Any],
        samples: bytes = b"",
        device: str | None = None,
    ) -> Record:
        """Add one record."""
        number = len(self.all) + 1
        made = Record(
            RecordId("gw", "0123456789abcdef", number, 0), kind, Provenance.SIMULATED, time_ns,
            5_000_000, number * NS, "fedcba9876543210", self._subject, device, metric, payload,
            samples,
        )  # fmt: skip
        self.all.append(made)
        return made

    def wave(
        self,
        metric: str,
        counts: Sequence[int],
        fs: float,
        begin_ns: int = BEGIN_NS,
        block: int = 250,
        first: int = 0,
        dtype: str = "int16",
        drift: float = 0.0,
        **more: Any,
    ) -> None:
        """Add the blocks of a waveform whose device's clock is slow by ``drift``."""
        values = np.asarray(counts, "<i2" if dtype == "int16" else "<i4")
        for at in range(0, len(values), block):
            payload = {
                "fs": fs, "scale": 0.005, "offset": 0.0, "index": first + at, "dtype": dtype, **more
            }  # fmt: skip
            time_ns = begin_ns + round(at / fs * (1 + drift) * NS)
            samples = values[at : at + block].tobytes()
            self.add(RecordKind.WAVEFORM, time_ns, metric, payload, samples, self._device)

    def beat(self, time_ns: int, symbol: str = "N", label: str = "", **more: Any) -> None:
        """Add an annotation of lead II."""
        payload = {"symbol": symbol, **({"label": label} if label else {}), **more}
        self.add(RecordKind.ANNOTATION, time_ns, "ecg_ii", payload)

    def value(self, time_ns: int, metric: str, value: float | None, **more: Any) -> None:
        """Add a measurement."""
        payload = {"value": value, "source": "device", "valid_s": 5.0, **more}
        self.add(RecordKind.MEASUREMENT, time_ns, metric, payload, device=self._device)

    def ordered(self) -> list[Record]:
        """Return the records by time and number, as a reader of the journal hands them out."""
        return sorted(self.all, key=lambda record: (record.time_ns, record.id.seq))


def write_files(writer: Writer, records: Sequence[Record], folder: Path, batch: int = 7) -> None:
    """Write an export of ``records`` into ``folder``, a few at a time."""
    _store(writer.begin(), folder)
    for at in range(0, len(records), batch):
        _store(writer.write(records[at : at + batch]), folder)
    _store(writer.finish(), folder)


def _store(parts: Iterable[Any], folder: Path) -> None:
    for name, data, at in parts:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(0, 2) if at is None else file.seek(at)
            file.write(data)
