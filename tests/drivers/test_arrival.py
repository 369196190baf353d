"""Samples that a device does not count are missed by their time of arrival; late ones are not."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from teleward_drivers.arrival import ArrivalWatch
from teleward_drivers.device import Output
from teleward_drivers.fields import DateTime
from teleward_drivers.link import Received
from teleward_drivers.wired import bci, cms50d, cyton, healthypi, nonin
from teleward_drivers.wired.bci import BciFrame
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

S = 1_000_000_000
T0 = 1_700_000_000 * S


def cyton_frame(i: int, counts: int = 0) -> bytes:
    body = counts.to_bytes(3, "big", signed=True)
    return bytes([0xA0, i & 255]) + body + bytes(21) + bytes(6) + b"\xc0"


def bci_frame(i: int) -> bytes:
    return bytes(BciFrame(i % 100, 72, 97))


def cms50d_frame(i: int) -> bytes:
    return bytes(cms50d.Live(i % 100, 72, 97))


def nonin_frame(i: int) -> bytes:
    return nonin.packet_samples(72, 97, [100] * 25)[i % 25].to_bytes(False)


def healthypi_frame(i: int) -> bytes:
    return healthypi.pack_v4(i % 100, 0, 250_000, 200_000, 36.6, (15, 97, 72))


def started(driver: Any) -> Any:
    list(driver.start(T0))
    list(driver.feed(Received(b"OpenBCI V3$$$", T0, 0)))
    return driver


STREAMS: dict[str, tuple[Any, float, Any]] = {
    "cyton": (lambda: started(cyton.DRIVER.make({"channels": {"1": "ecg_ii"}})), 250, cyton_frame),
    "bci": (lambda: bci.DRIVER.make({}), 60, bci_frame),
    "cms50d": (lambda: cms50d.DRIVER.make({}), 60, cms50d_frame),
    "nonin": (lambda: nonin.DRIVER.make({}), 75, nonin_frame),
    "healthypi": (lambda: healthypi.DRIVER.make({}), 125, healthypi_frame),
}


def play(
    driver: Any, fs: float, frame: Any, sent: Iterable[int], seed: int = 1, busy: float = 0.0
) -> Iterator[Output]:
    """Feed the frames numbered ``sent``, read every 40 ms; the host sleeps once, ``busy`` s."""
    generator = random.Random(seed)
    pending: list[tuple[float, bytes]] = [(i / fs, frame(i)) for i in sent]
    now, at = 0.0, 0
    stalled = False
    while at < len(pending):
        now += 0.04 + generator.uniform(0, 0.02)
        if busy and not stalled and now > 10:
            now, stalled = now + busy, True
        chunk = b""
        while at < len(pending) and pending[at][0] <= now and len(chunk) < 2000:
            chunk += pending[at][1]
            at += 1
        if chunk:
            yield from driver.feed(Received(chunk, T0 + round(now * S), round(now * S)))
            if stalled and at < len(pending) and pending[at][0] <= now:
                now -= 0.039  # what waited is read at once


def ends(outputs: Iterable[Output], metric: str) -> list[tuple[int, int]]:
    found = [o for o in outputs if isinstance(o, SampleBlock) and o.metric == metric]
    return [(block.index, block.index + len(block.samples)) for block in found]


METRIC = {"cyton": "ecg_ii", "healthypi": "ecg_ii"}


@pytest.mark.parametrize("name", list(STREAMS))
@pytest.mark.parametrize("seconds", [0.5, 1.02, 1.5, 2.0, 3.0, 7.7])
def test_an_outage_is_counted_whole(name: str, seconds: float) -> None:
    make, fs, frame = STREAMS[name]
    gone = round(seconds * fs)
    total = round(40 * fs)
    at = round(20 * fs)
    sent = [*range(at), *range(at + gone, total)]
    found = ends(play(make(), fs, frame, sent), METRIC.get(name, "pleth"))
    missing = found[-1][1] - sum(b - a for a, b in found) - found[0][0]
    exact = name == "cyton"
    assert missing == (gone if exact else pytest.approx(gone, abs=0.1 * fs))


@pytest.mark.parametrize("name", list(STREAMS))
@pytest.mark.parametrize("busy", [0.5, 1.5, 4.0])
def test_a_busy_host_loses_nothing(name: str, busy: float) -> None:
    make, fs, frame = STREAMS[name]
    total = round(40 * fs)
    found = ends(play(make(), fs, frame, range(total), busy=busy), METRIC.get(name, "pleth"))
    assert found[-1][1] - found[0][0] == sum(b - a for a, b in found)


@pytest.mark.parametrize("ppm", [-400_000, -10_000, -500, 500, 10_000, 150_000, 600_000])
def test_a_rate_that_is_off_is_no_outage(ppm: float) -> None:
    watch, end = ArrivalWatch(100.0), 0
    for tick in range(1, 20_000):
        end += 5
        end += watch.missing(end, round(tick * 0.05 * S * (1 + ppm * 1e-6)))
    assert end == 5 * 19_999


def test_an_offset_electrode_is_on_and_one_at_the_rail_is_off() -> None:
    rng = np.random.default_rng(1)
    for offset, off in (
        (0.0, False),
        (75.56, False),
        (-170.0, False),
        (187.5, True),
        (-190.0, True),
    ):
        driver = started(cyton.DRIVER.make({"channels": {"1": "ecg_ii"}}))
        outputs: list[Output] = []
        for second in range(4):
            counts = (offset + 0.02 * rng.standard_normal(250)) / cyton.MV_PER_COUNT
            counts = np.clip(counts, -(2**23), 2**23 - 1).astype(int)
            data = b"".join(cyton_frame(250 * second + i, int(v)) for i, v in enumerate(counts))
            outputs += driver.feed(Received(data, T0 + second * S, second * S))
        faults = [o.faults for o in outputs if isinstance(o, DeviceStatus)]
        assert faults == ([{"lead_off"}] if off else []), offset


def nonin_second(red: int, pulse_s: float = 0.8, which: str = "pulse") -> list[bytes]:
    """Return ten seconds of format 2; the bits stand in 12 frames of each pulse only."""
    out = []
    for i in range(750):
        sample = nonin.packet_samples(75, 97, [100] * 25)[i % 25]
        in_pulse = i % round(75 * pulse_s) < 12
        status = sample.status | (red if in_pulse and which == "pulse" else 0)
        out.append(nonin.Sample(status, sample.pleth, sample.data).to_bytes(False))
    return out


@pytest.mark.parametrize(
    "bits, quality", [(0x04, 0.4), (0x06, 0.7), (0x20, 0.4), (0x02, None), (0x00, None)]
)
def test_perfusion_and_artifact_of_a_pulse_count_for_its_second(
    bits: int, quality: float | None
) -> None:
    driver = nonin.DRIVER.make({})
    outputs: list[Output] = []
    for i, frame in enumerate(nonin_second(bits)):
        outputs += driver.feed(Received(frame, T0, i * S // 75))
    found = {
        o.quality for o in outputs if isinstance(o, Measurement) and o.metric == "spo2" and o.value
    }
    assert found == {quality}


def test_marginal_perfusion_of_format_8() -> None:
    for status, quality in ((0x08, 0.7), (0x10, 0.4), (0x04, 0.4), (0x00, None)):
        assert nonin.SlowFrame(72, 97, status).reading().quality == quality


def test_spot_checks_of_an_unset_clock_are_different_readings() -> None:
    driver = nonin.make({"format": 13})
    groups = set()
    for spo2 in (97, 96, 95):
        frame = bytes(nonin.SpotCheck(DateTime(0, 0, 0), 70, spo2))
        outputs = driver.feed(Received(frame, T0 + spo2 * S, spo2 * S))
        groups |= {o.group for o in outputs if isinstance(o, Measurement)}
    assert len(groups) == 3


@pytest.mark.parametrize("order", ["firmware", "viewer"])
def test_no_breathing_measured_is_no_breathing_rate_of_zero(order: str) -> None:
    driver = healthypi.make({"rates": order})
    data = b"".join(healthypi.pack_v5(i, 0, 1, 1, 36.6, (97, 0, 255)) for i in range(260))
    outputs = driver.feed(Received(data, T0, 0))
    found = {o.metric: (o.value, o.reason) for o in outputs if isinstance(o, Measurement)}
    assert found["respiratory_rate"] == (None, "missing")
    assert found["heart_rate"] == (None, "missing")
    assert found["spo2"] == (97, None)
