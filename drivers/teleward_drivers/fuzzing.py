"""Send any bytes to any driver and check what comes back: for hypothesis, atheris and plain noise.

One input is a list of steps, read from the bytes themselves, so a fuzzer can learn them:

    serial   | chunk size u8 | bytes ...            fed in chunks of that size, a tick at the end
    BLE      | channel u8 | length u8 | value | ... one notification after another
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from teleward_drivers.device import (
    Command,
    Discarded,
    Driver,
    DriverInfo,
    LinkType,
    Output,
    Request,
    Subscribe,
)
from teleward_drivers.link import Received
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock
from teleward_signal.vocabulary import METRICS, is_plausible

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
MAX_PENDING = 4 * 256
"""Four of the longest frames of any protocol (framed 251, text lines 256 bytes)."""
OPTIONS: dict[str, dict[str, Any]] = {
    "health-sensor": {"experimental": True},
    "healthypi": {"rates": "firmware"},
    "text": {
        "columns": [{"metric": "ecg_ii", "scale": 0.01}, {"metric": "heart_rate"}],
        "rate": 10.0,
        "sentinels": [-999],
        "markers": {"!": "lead_off"},
    },
}
"""What the drivers need that cannot be made without options."""


@dataclass(slots=True)
class Tally:
    """What came of the bytes."""

    n_bytes: int = 0
    discarded: int = 0
    readings: int = 0
    withheld: int = 0
    blocks: int = 0
    samples: int = 0
    commands: int = 0
    max_pending: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, outputs: Iterable[Output]) -> None:
        """Check and count outputs; AssertionError when one is not fit for the gateway."""
        for output in outputs:
            if isinstance(output, Measurement):
                check_measurement(output)
                self.withheld += output.value is None
                if output.value is not None:
                    self.readings += 1
                    self.values.setdefault(output.metric, []).append(output.value)
            elif isinstance(output, SampleBlock):
                check_block(output)
                self.blocks += 1
                self.samples += len(output.samples)
            elif isinstance(output, Discarded):
                assert output.n_bytes >= 0
                assert output.reason
                self.discarded += output.n_bytes
            elif isinstance(output, DeviceStatus):
                percent = output.battery_percent
                assert percent is None or 0 <= percent <= 100
            else:
                assert isinstance(output, Command)
                self.commands += 1


def check_measurement(reading: Measurement) -> None:
    """Check that a reading has a plausible value or a reason, and times that fit 64 bits."""
    if reading.value is None:
        assert reading.reason, reading
    else:
        assert is_plausible(reading.metric, reading.value), reading
    for stamp in (reading.device_time_ns, reading.time_ns):
        assert stamp is None or abs(stamp) < 2**63, reading
    assert reading.quality is None or 0 <= reading.quality <= 1, reading


def check_block(block: SampleBlock) -> None:
    """Check that a block has samples, a rate, and an index that fits 64 bits."""
    assert block.metric in METRICS
    assert block.samples.size > 0
    assert block.fs > 0
    assert 0 <= block.index < 2**63, block.index
    assert block.device_time_ns is None or block.device_time_ns < 2**64


def make(info: DriverInfo) -> Driver:
    """Return a driver with the options that it needs."""
    return info.make(OPTIONS.get(info.name, {}))


def channels(driver: Driver) -> list[str]:
    """Return the characteristics that a driver listens to, in a stable order."""
    outputs = driver.start(START_NS)
    return sorted({o.channel for o in outputs if isinstance(o, Subscribe | Request)})


def exercise(info: DriverInfo, data: bytes, tally: Tally) -> None:
    """Feed one input to a new driver of ``info``."""
    driver = make(info)
    tally.n_bytes += len(data)
    if info.link is LinkType.BLE:
        _notify(driver, data, tally)
    else:
        tally.add(driver.start(START_NS))
        _stream(driver, data, tally)
    tally.add(driver.tick(START_NS + 60 * SECOND_NS))


def _stream(driver: Driver, data: bytes, tally: Tally) -> None:
    size = 1 + data[0] if data else 1
    for number, at in enumerate(range(1, len(data), size)):
        stamp_ns = START_NS + number * 10_000_000
        tally.add(driver.feed(Received(data[at : at + size], stamp_ns, stamp_ns - START_NS)))
        pending = int(getattr(getattr(driver, "decoder", None), "pending", 0))
        assert pending <= MAX_PENDING, pending
        tally.max_pending = max(tally.max_pending, pending)


def _notify(driver: Driver, data: bytes, tally: Tally) -> None:
    known = channels(driver)
    at, stamp_ns = 0, START_NS
    while at + 2 <= len(data):
        channel, length = known[data[at] % len(known)], data[at + 1]
        value = data[at + 2 : at + 2 + length]
        stamp_ns += 100_000_000
        tally.add(driver.feed(Received(value, stamp_ns, stamp_ns - START_NS, channel)))
        at += 2 + length


def input_of(info: DriverInfo, values: Iterable[tuple[str, bytes]], chunk: int = 20) -> bytes:
    """Return the input that feeds ``values``, (channel, bytes); the channel is "" for serial."""
    if info.link is LinkType.SERIAL:
        return bytes([chunk - 1]) + b"".join(value for _, value in values)
    known = channels(make(info))
    return b"".join(bytes([known.index(c), len(value)]) + value for c, value in values)
