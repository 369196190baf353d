"""A Polar Verity Sense: optical signal at 55 Hz in compressed frames over Measurement Data.

The real one was reported to announce rates that it does not keep (polar-ble-sdk issues 211, 318,
800): `announce` (fault ``wrong_rate``, option ``stated_hz``) does that. Its frames hold what the
capture in `tests/golden/polar_pmd.hex` holds: one reference sample, then differences packed from
the least significant bit on.
"""

from collections.abc import Sequence

import numpy as np
from bumble.gatt import Service

from teleward_drivers.ble import polar_pmd as codec
from teleward_simulators.ble.polar import Polar
from teleward_simulators.device_clock import SampleStream, native_rate

PPG_HZ = 55.0
N_SAMPLES = 42
"""As in the capture of issue 318: 42 samples each 761.9 ms."""
RESOLUTION, CHANNELS = 22, 4
LEVEL, SWING = 400_000, 9_000
"""Counts of the light and of its pulse in the capture, about."""
AMBIENT = 1_200


class VeritySense(Polar):
    """Options of the chest strap, and ``stated_hz`` (the rate it announces)."""

    kind = "polar-verity"
    title = "Polar Sense"
    model = "Verity Sense"

    def services(self) -> list[Service]:
        fs = native_rate(self.source, "pleth", PPG_HZ)
        has_pleth = "pleth" in self.source.metrics()
        self._ppg = SampleStream(self.source, "pleth", fs) if has_pleth else None
        self._waiting: list[float] = []
        self._next_ppg = 0
        self.settings = {
            codec.Stream.PPG: {
                codec.Setting.RATE: (int(self.options.get("stated_hz", PPG_HZ)),),
                codec.Setting.RESOLUTION: (RESOLUTION,),
                codec.Setting.CHANNELS: (CHANNELS,),
            }
        }
        return super().services()

    def announce(self, hz: int) -> None:
        """Announce ``hz`` from now on; sampling goes on at the own rate."""
        offered = dict(self.settings[codec.Stream.PPG])
        self.settings[codec.Stream.PPG] = {**offered, codec.Setting.RATE: (hz,)}

    def begin(self, stream: int) -> None:
        super().begin(stream)
        if self._ppg is not None:
            self._ppg.restart(self.clock.now_s())
            self._waiting.clear()

    def send_due(self) -> None:
        """Send the frames that are full."""
        if self._ppg is None or codec.Stream.PPG not in self._running:
            return
        for first, counts in self._ppg.due(self.clock.now_s()):
            if first != self._next_ppg:
                self._waiting.clear()
            self._next_ppg = first + len(counts)
            self._waiting += (counts * self._ppg.scale).tolist()
            while len(self._waiting) >= N_SAMPLES:
                last = self._next_ppg - len(self._waiting) + N_SAMPLES - 1
                piece, self._waiting = self._waiting[:N_SAMPLES], self._waiting[N_SAMPLES:]
                self._send_frame(last / self._ppg.fs, piece)

    def _send_frame(self, device_s: float, pleth: Sequence[float]) -> None:
        pulse = np.rint(LEVEL + SWING * np.asarray(pleth)).astype(np.int64)
        ambient = AMBIENT + np.array([self.random.randrange(-8, 9) for _ in pleth])
        rows = np.stack([pulse, pulse - 7000, pulse + 5000, ambient], axis=1)
        stamp_ns = self.stamp_ns(device_s)
        head = bytes([codec.Stream.PPG]) + stamp_ns.to_bytes(8, "little") + b"\x80"
        self.notify(self._data, head + compressed(rows))


def compressed(rows: "np.ndarray[tuple[int, int], np.dtype[np.int64]]") -> bytes:
    """Return rows of samples, shape (n_samples, n_channels), as the sensor packs them.

    One block: as many bits a difference as the greatest needs, so 8 to 15 with a finger on.
    """
    reference = b"".join(int(v).to_bytes(3, "little", signed=True) for v in rows[0])
    differences = np.diff(rows, axis=0).ravel().tolist()
    width = max(1, *(max(d, -d - 1).bit_length() + 1 for d in differences))
    packed = 0
    for number, difference in enumerate(differences):
        packed |= (difference & ((1 << width) - 1)) << (number * width)
    size = (width * len(differences) + 7) // 8
    return reference + bytes([width, len(rows) - 1]) + packed.to_bytes(size, "little")
