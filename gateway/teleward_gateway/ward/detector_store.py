"""The learnt states of all detectors over a restart: written at the stop, read at the start.

A gateway that is killed has an older file of the same form in memory (`detector_snapshots`).

    "TWDS"  u32 length  JSON: version, saved, streams, baselines      states, one behind the other
    ...     blake2b of all before it (32 bytes)

Monotonic time decides within one boot, whatever was done to the clock; UTC only over a reboot. A
file is used once and removed. It is refused when it is older than `RESTART_S`, when it was
written by other sources of the signal package (the states are images of its arrays), when it is
damaged or larger than `LARGEST_BYTES`. The detectors then learn again, as after a first start.
"""

import contextlib
import json
import logging
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from teleward_gateway.clock import Stamp

log = logging.getLogger(__name__)

RESTART_S = 60.0
"""A patient of a minute ago is the same one in the same state; later nothing can be relied on."""
LARGEST_BYTES = 64 * 2**20
"""An ECG stream takes 59 kB, a pleth stream 6 kB: room for a thousand subjects."""

_MAGIC = b"TWDS"
_HEAD = struct.Struct("<4sI")
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeptStream:
    """One stream of the signal engine; its next sample is due at ``end_ns``.

    That is monotonic time, in the file of the boot that wrote it.
    """

    subject: str
    metric: str
    fs: float
    device: str
    end_ns: int
    state: bytes = field(repr=False)
    claims: tuple[str, ...] = ()
    """Rhythms that the detector claimed on the alarm board, in a snapshot."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """States of all detectors; ``baselines`` are those of the anomaly watch, by subject."""

    streams: Sequence[KeptStream] = ()
    baselines: dict[str, bytes] = field(default_factory=dict)


class DetectorStore:
    """The file; ``version`` names the sources of the signal package."""

    def __init__(self, folder: Path, version: str, name: str = "detectors.bin") -> None:
        self._path = folder / name
        self._version = version

    def load(self, now: Stamp) -> Learnt:
        """Return what is still valid ``now`` and remove the file; never raises."""
        try:
            if self._path.stat().st_size > LARGEST_BYTES:
                raise ValueError("too large")
            data = self._path.read_bytes()
            found = self._read(data, now)
        except FileNotFoundError:
            return Learnt()
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            log.info("detectors learn from the start: %s: %s", self._path.name, error)
            found = Learnt()
        self.remove()
        return found

    def save(self, learnt: Learnt, now: Stamp, to_disk: bool = True) -> None:
        """Replace the file; a disk that refuses costs a minute of learning, no more.

        ``to_disk`` waits until a power cut cannot take it.
        """
        data = self._packed(learnt, now)
        if len(data) > LARGEST_BYTES:
            log.warning("%s not written: %d MB", self._path.name, len(data) // 2**20)
            return
        new = self._path.with_suffix(".bin.new")
        try:
            with new.open("wb") as file:
                file.write(data)
                if to_disk:
                    file.flush()
                    os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path.name, error.strerror)

    def remove(self) -> None:
        """Remove the file, if there is one."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _packed(self, learnt: Learnt, now: Stamp) -> bytes:
        document = {
            "version": self._version,
            "saved": [now.time_ns, now.monotonic_ns, now.boot],
            "streams": [
                [s.subject, s.metric, s.fs, s.device, s.end_ns, len(s.state), s.claims]
                for s in learnt.streams
            ],
            "baselines": [[name, len(state)] for name, state in learnt.baselines.items()],
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        states = [s.state for s in learnt.streams] + list(learnt.baselines.values())
        data = b"".join([_HEAD.pack(_MAGIC, len(text)), text, *states])
        return data + blake2b(data, digest_size=_DIGEST_BYTES).digest()

    def _read(self, data: bytes, now: Stamp) -> Learnt:
        magic, length = _HEAD.unpack_from(data)
        body = data[:-_DIGEST_BYTES]
        digest = blake2b(body, digest_size=_DIGEST_BYTES).digest()
        if magic != _MAGIC or digest != data[len(body) :]:
            raise ValueError("damaged")
        document = json.loads(body[_HEAD.size : _HEAD.size + length])
        saved_ns, saved_monotonic_ns, boot = document["saved"]
        shift_ns = 0  # from the monotonic time of the file to that of now
        if boot != now.boot:
            shift_ns = (saved_ns - saved_monotonic_ns) - (now.time_ns - now.monotonic_ns)
        age_s = (now.monotonic_ns - saved_monotonic_ns - shift_ns) / 1e9
        if not 0 <= age_s <= RESTART_S:
            raise ValueError(f"{age_s:.0f} s old")
        if document["version"] != self._version:
            raise ValueError("of another version")
        at = _HEAD.size + length

        def take(size: int) -> bytes:
            nonlocal at
            at += size
            return body[at - size : at]

        streams = [
            KeptStream(subject, metric, fs, device, end_ns + shift_ns, take(size), tuple(claims))
            for subject, metric, fs, device, end_ns, size, claims in document["streams"]
        ]
        return Learnt(streams, {name: take(size) for name, size in document["baselines"]})
