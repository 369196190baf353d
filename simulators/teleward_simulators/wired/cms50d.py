"""A Contec CMS50D+ with firmware 4.6: live data at 60 Hz until 30 s after the last request.

A1, AF --> live for 30 s      A2 --> stop      A6 --> memory, 3 s a frame      A7 --> stop
"""

from teleward_drivers.wired import cms50d as codec
from teleward_simulators.source import VitalSource
from teleward_simulators.wired.oximeter_wave import OximeterWave
from teleward_simulators.wired.serial_device import SerialDevice

LIVE_S = 30.0
"""How long the device talks after a request (public drivers; they repeat it every 15 to 25 s)."""
SEARCH_S = 3.0
"""From finger in to the first numbers."""
MEMORY_FRAMES_A_TICK = 20
BARS = 15


class Cms50dEngine:
    """The device's side of the protocol."""

    def __init__(self, source: VitalSource, stored_s: int = 0) -> None:
        self._source = source
        self._wave = OximeterWave(source, codec.FS)
        self._pending = b""
        self._live_until_s = 0.0
        self._finger_out = False
        self._found_s = 0.0
        self._stored_s = stored_s
        self._memory: list[bytes] = []

    def connected(self, now_s: float) -> list[bytes]:
        self._pending = b""
        self._live_until_s = 0.0
        self._memory.clear()
        return []

    def feed(self, data: bytes, now_s: float) -> list[bytes]:
        self._pending += data
        while (at := self._pending.find(b"\x7d\x81")) >= 0 and len(
            self._pending
        ) - at >= codec.SIZE:
            command = self._pending[at : at + codec.SIZE]
            self._pending = self._pending[at + codec.SIZE :]
            self._obey(codec.parse_host_command(command), now_s)
        self._pending = self._pending[-codec.SIZE :]
        return []

    def _obey(self, op: int, now_s: float) -> None:
        match op:
            case codec.START | codec.KEEP_ALIVE:
                if now_s >= self._live_until_s:
                    self._wave.restart()
                self._live_until_s = now_s + LIVE_S
            case codec.STOP:
                self._live_until_s = 0.0
            case codec.READ_MEMORY:
                self._memory = self._stored(now_s)
            case codec.STOP_MEMORY:
                self._memory.clear()

    def tick(self, now_s: float) -> list[bytes]:
        out, self._memory = (
            self._memory[:MEMORY_FRAMES_A_TICK],
            self._memory[MEMORY_FRAMES_A_TICK:],
        )
        if now_s < self._live_until_s:
            out += self._live(now_s)
        return out

    def _live(self, now_s: float) -> list[bytes]:
        samples = self._wave.due(now_s)
        if self._finger_out:
            frame = bytes(codec.Live(0, None, None, signal=0, finger_out=True))
            return [frame] * len(samples)
        searching = now_s - self._found_s < SEARCH_S
        pulse, spo2 = (None if searching else self._whole(m, now_s) for m in ("pulse_rate", "spo2"))
        perfusion = None if searching else self._source.numeric("perfusion_index", now_s)
        return [
            bytes(
                codec.Live(
                    pleth=height,
                    pulse_rate=pulse,
                    spo2=spo2,
                    perfusion_index=perfusion,
                    bar=height * BARS // 127,
                    beep=beep,
                    searching=searching,
                )
            )
            for height, beep in samples
        ]

    def _whole(self, metric: str, time_s: float) -> int | None:
        value = self._source.numeric(metric, time_s)
        return None if value is None else round(value)

    def _stored(self, now_s: float) -> list[bytes]:
        """Return the memory as frames of three seconds, oldest first."""
        times = [now_s - self._stored_s + second for second in range(self._stored_s)]
        seconds = [
            (self._whole("spo2", max(0.0, t)), self._whole("pulse_rate", max(0.0, t)))
            for t in times
        ]
        return [
            bytes(codec.Memory(tuple(seconds[at : at + 3]))) for at in range(0, len(seconds), 3)
        ]

    def set_probe(self, off: bool) -> None:
        self._finger_out = off
        self._found_s = float("-inf")

    def set_battery(self, percent: int) -> None:
        """Not known: the protocol has no field for it."""


class Cms50d(SerialDevice):
    """Options: ``stored_s`` (seconds in memory)."""

    kind = "cms50d"
    title = "CMS50D+"
    baudrate = 115200

    def make_engine(self) -> Cms50dEngine:
        return Cms50dEngine(self.source, int(self.options.get("stored_s", 0)))
